// node api_docs.mjs HUB_URL: the page at /api-docs in a real browser.
import { check } from './browser.mjs'

const hub = process.argv[2]
const methods = ['get', 'post', 'put', 'patch', 'delete']
const documented = await (await fetch(`${hub}/api/v1/openapi.json`)).json()
// Also what the hub asks of others.
const operations = [...Object.values(documented.paths), ...Object.values(documented.webhooks ?? {})]
  .flatMap((path) => methods.filter((method) => method in path))

await check(`${hub}/api-docs`, async (page, seen, expect) => {
  await page.waitForSelector('.opblock')
  expect((await page.title()).startsWith('Perkline hub'), 'it has a title')
  const shown = await page.locator('.opblock').count()
  expect(shown === operations.length, `${shown} of ${operations.length} operations are shown`)
  const heading = await page.locator('.info .title').innerText()
  expect(heading.includes(documented.info.title), `its heading is ${heading}`)
  expect(await page.locator('.errors-wrapper').count() === 0, 'the document has no faults for it')

  // One of them opened, and called from the page: the hub answers, and the page shows it.
  const health = page.locator('.opblock', { has: page.locator('[data-path="/health"]') })
  await health.locator('.opblock-summary').click()
  await health.locator('.try-out__btn').click()
  await health.locator('.execute').click()
  await health.locator('.live-responses-table').waitFor()
  const status = await health.locator('.live-responses-table .response .response-col_status').innerText()
  expect(status.startsWith('200'), `called from the page, /health answers ${status}`)
  expect(seen.requests.some((url) => url === `${hub}/health`), 'and was asked over the network')

  // The policy holds for what somebody may have slipped into the page.
  const before = seen.complaints.length
  const broken = await page.evaluate(() => new Promise((resolve) => {
    const broken = []
    document.addEventListener('securitypolicyviolation', (event) => {
      broken.push(event.effectiveDirective)
      if (broken.length === 3) resolve(broken)
    })
    setTimeout(() => resolve(broken), 5000)
    const script = document.createElement('script')
    script.textContent = 'window.slippedIn = true'
    document.body.append(script)
    const image = document.createElement('img')
    image.src = 'http://192.0.2.1/spy.png'
    document.body.append(image)
    fetch('http://192.0.2.1/spy').catch(() => {})
  }))
  expect(broken.sort().join() === 'connect-src,img-src,script-src-elem', `the policy stops ${broken}`)
  expect(await page.evaluate(() => window.slippedIn === undefined), 'a script of somebody else does not run')
  seen.complaints.length = before
  seen.requests = seen.requests.filter((url) => !url.startsWith('http://192.0.2.1/'))
})
