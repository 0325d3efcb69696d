// What the tests of the pages share: a headless Chromium whose every request and complaint is noted.
import { chromium } from 'playwright-core'

/// Opens `address` and calls `look(page, seen)`; exits 1 and says what is not as it should be.
export async function check(address, look) {
  const faults = []
  const expect = (holds, what) => { if (!holds) faults.push(what) }
  // Chromium's own sandbox does not start as root, which is what builds in containers are.
  const browser = await chromium.launch({
    executablePath: process.env.PERKLINE_CHROMIUM ?? '/usr/bin/chromium',
    args: process.getuid() === 0 ? ['--no-sandbox'] : [],
  })
  try {
    const page = await browser.newPage()
    const seen = { requests: [], complaints: [] }
    page.on('request', (request) => seen.requests.push(request.url()))
    page.on('requestfailed', (request) => seen.complaints.push(`failed: ${request.url()}`))
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) seen.complaints.push(message.text())
    })
    page.on('pageerror', (error) => seen.complaints.push(String(error)))
    const answer = await page.goto(address)
    expect(answer.status() === 200, `${address} is answered ${answer.status()}`)
    await look(page, seen, expect)
    expect(seen.complaints.length === 0, `the browser complains: ${seen.complaints.join('; ')}`)
    const own = new URL(address).origin
    const elsewhere = seen.requests.filter((url) => !url.startsWith('data:') && new URL(url).origin !== own)
    expect(elsewhere.length === 0, `it asks elsewhere: ${elsewhere.join(' ')}`)
    expect(seen.requests.length > 0, 'it asks for something')
  } catch (error) {
    faults.push(String(error))
  } finally {
    await browser.close()
  }
  for (const fault of faults) console.error(fault)
  process.exitCode = faults.length === 0 ? 0 : 1
}
