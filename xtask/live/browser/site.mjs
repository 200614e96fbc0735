// A site that shows what a browser can do, for the test of the driver itself.
//
//   node site.mjs PORT CERTIFICATE
//
// It answers with HTTPS at 127.0.0.1:PORT; CERTIFICATE is a file with the certificate and its key.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';

const [port, certificate] = process.argv.slice(2);
const pem = readFileSync(certificate);
const COOKIE = '__Host-visitor=first; Secure; HttpOnly; Path=/; SameSite=Lax';

const page = (title, content) => `<!doctype html><html lang="en"><title>${title}</title><h1>${title}</h1>${content}`;

const pages = {
  '/': page('Welcome', `<form action="/hello">
    <label>Name <input name="name"></label><button>Say hello</button></form>`),
  '/guarded': page('Guarded', '<script>document.title = "It ran"</script>'),
};

const server = createServer({ key: pem, cert: pem }, (request, response) => {
  const { pathname, searchParams } = new URL(request.url, `https://${request.headers.host}`);
  response.setHeader('content-type', 'text/html');
  if (pathname === '/leave') return response.writeHead(302, { location: '/' }).end();
  if (pathname === '/empty') return response.writeHead(403).end();
  if (pathname === '/seen') return response.setHeader('x-seen', 'yes').end(request.headers.cookie);
  if (pathname === '/hello') return response.end(page('Hello', `<p>Hello, ${searchParams.get('name')}`));
  if (pathname === '/guarded') response.setHeader('content-security-policy', "script-src 'none'");
  if (!pages[pathname]) return response.writeHead(404).end(page('Nothing here', ''));
  return response.setHeader('set-cookie', COOKIE).end(pages[pathname]);
});

// A WebSocket (RFC 6455) that is opened and at once closed, with 4001 and `enough`.
server.on('upgrade', (request, socket) => {
  const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash('sha1').update(key).digest('base64');
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n`
    + `Sec-WebSocket-Accept: ${accept}\r\n\r\n`);
  socket.end(Buffer.concat([Buffer.from([0x88, 8, 0x0f, 0xa1]), Buffer.from('enough')]));
});

server.listen(Number(port), '127.0.0.1');
