// A mail server that writes down what it takes, and refuses by the recipient's name. See README.md.
import { appendFileSync, readFileSync } from 'node:fs';
import { SMTPServer } from 'smtp-server';

const [port, mails, mode = 'plain', login = '', cert = '', key = ''] = process.argv.slice(2);
const greylisted = new Set();

const refusal = (code, text) => Object.assign(new Error(text), { responseCode: code });

const server = new SMTPServer({
  secure: mode === 'tls',
  hideSTARTTLS: mode !== 'starttls',
  ...(cert === '' ? {} : { cert: readFileSync(cert), key: readFileSync(key) }),
  authOptional: login === '',
  disabledCommands: login === '' ? ['AUTH'] : [],
  allowInsecureAuth: true,
  onAuth(given, session, done) {
    const right = `${given.username}:${given.password}` === login;
    done(right ? null : refusal(535, 'who are you'), { user: given.username });
  },
  onRcptTo(to, session, done) {
    const name = to.address.split('@')[0];
    if (name.startsWith('refused')) return done(refusal(550, `no such mailbox ${to.address}`));
    if (name.startsWith('blocked')) return done(refusal(550, '5.7.1 you are on a list'));
    if (name.startsWith('gone')) return done(refusal(421, 'going'));
    if (name.startsWith('hangs')) return undefined; // No answer, ever.
    if (name.startsWith('drops')) return [...server.connections].find((each) => each.id === session.id).close();
    if (name.startsWith('grey') && !greylisted.has(to.address)) {
      greylisted.add(to.address);
      return done(refusal(451, 'try again later'));
    }
    return done();
  },
  onData(stream, session, done) {
    const parts = [];
    stream.on('data', (part) => parts.push(part));
    stream.on('end', () => {
      const to = session.envelope.rcptTo.map((each) => each.address);
      if (to[0].startsWith('full')) return done(refusal(552, 'mailbox full'));
      const raw = Buffer.concat(parts).toString('latin1');
      const mail = { from: session.envelope.mailFrom.address, to, raw, secure: session.secure, user: session.user ?? '' };
      appendFileSync(mails, `${JSON.stringify(mail)}\n`);
      if (to[0].startsWith('slow')) return setTimeout(done, 3000, null, 'taken');
      return done(null, 'taken');
    });
  },
});
server.on('error', () => {}); // A client that goes is no concern of ours.
server.listen(Number(port), '127.0.0.1', () => console.log('ready'));
