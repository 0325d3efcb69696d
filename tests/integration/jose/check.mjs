// node check.mjs HUB_URL ACCESS_TOKEN REFRESH_TOKEN: exits 1 and says what is not as it should be.
import * as jose from 'jose'

const [hub, accessToken, refreshToken] = process.argv.slice(2)
const faults = []
const expect = (holds, what) => { if (!holds) faults.push(what) }

const keys = await (await fetch(`${hub}/.well-known/jwks.json`)).json()
const remote = jose.createRemoteJWKSet(new URL(`${hub}/.well-known/jwks.json`))
const { payload, protectedHeader } = await jose.jwtVerify(accessToken, remote, {
  algorithms: ['ES256'],
  audience: 'perkline-hub',
  issuer: 'perkline',
  requiredClaims: ['sub', 'role', 'iat', 'exp', 'jti'],
  typ: 'at+jwt',
})
expect(protectedHeader.alg === 'ES256', 'the algorithm is ES256')
expect(keys.keys.some((key) => key.kid === protectedHeader.kid), 'kid names a key of the set')
expect(keys.keys.every((key) => key.d === undefined), 'no private half is shown')
expect(payload.exp - payload.iat === 600, 'a token lives for ten minutes')

const status = async (token) =>
  (await fetch(`${hub}/api/v1/auth/me`, { headers: { authorization: `Bearer ${token}` } })).status
expect(await status(accessToken) === 200, 'the hub takes its own token, or the refusals below would prove nothing')

const ours = keys.keys.find((key) => key.kid === protectedHeader.kid)
const publicPem = await jose.exportSPKI(await jose.importJWK(ours, 'ES256', { extractable: true }))
const foreign = await jose.generateKeyPair('ES256', { extractable: true })
const foreignJwk = await jose.exportJWK(foreign.publicKey)
const foreignRsa = await jose.generateKeyPair('RS256')
const encode = (value) => jose.base64url.encode(JSON.stringify(value))
const signed = (header, key) =>
  new jose.SignJWT({ ...payload, role: 'admin' }).setProtectedHeader({ ...protectedHeader, ...header }).sign(key)
const [head, body, signature] = accessToken.split('.')
const bytes = (text) => new TextEncoder().encode(text)

const forged = {
  'no algorithm': `${encode({ ...protectedHeader, alg: 'none' })}.${body}.`,
  'no algorithm, in capitals': `${encode({ ...protectedHeader, alg: 'NONE' })}.${body}.`,
  'no algorithm, with the old signature': `${encode({ ...protectedHeader, alg: 'none' })}.${body}.${signature}`,
  'an unsecured token': new jose.UnsecuredJWT(payload).encode(),
  'no signature': `${head}.${body}.`,
  'another payload': `${head}.${encode({ ...payload, sub: '01900000-0000-7000-8000-000000000000' })}.${signature}`,
  'an HMAC by the public key in PEM': await signed({ alg: 'HS256' }, bytes(publicPem)),
  'an HMAC by the public key as a JWK': await signed({ alg: 'HS256' }, bytes(JSON.stringify(ours))),
  'an HMAC by nothing much': await signed({ alg: 'HS256' }, bytes('\0')),
  'a foreign key under our kid': await signed({}, foreign.privateKey),
  'a foreign key that comes along': await signed({ jwk: foreignJwk }, foreign.privateKey),
  'a foreign key from elsewhere': await signed({ jku: 'http://127.0.0.1:1/jwks.json' }, foreign.privateKey),
  'a foreign certificate': await signed({ x5u: 'http://127.0.0.1:1/x.pem' }, foreign.privateKey),
  'a foreign RSA key': await signed({ alg: 'RS256' }, foreignRsa.privateKey),
  'a kid that is a path': await signed({ kid: '../../../../dev/null' }, foreign.privateKey),
  'a kid that is SQL': await signed({ kid: "' OR '1'='1" }, foreign.privateKey),
  'a kid that is nothing': await signed({ kid: '' }, foreign.privateKey),
  'the refresh token': refreshToken,
}
for (const [what, token] of Object.entries(forged)) {
  expect(await status(token) === 401, `401 for ${what}`)
}

for (const fault of faults) console.error(fault)
process.exit(faults.length === 0 ? 0 : 1)
