'use strict';

const fs = require('fs');
const http = require('http');
const path = require('path');
const mustache = require('mustache');

const page = fs.readFileSync(path.join(__dirname, 'views', 'index.html'), 'utf8');
const port = Number(process.env.PORT || 8080);
const host = process.env.HOST || '0.0.0.0';

const server = http.createServer((request, response) => {
  const url = new URL(request.url, 'http://localhost');
  if (url.pathname === '/healthz') {
    response.writeHead(200, { 'content-type': 'text/plain' }).end('ok\n');
    return;
  }
  if (url.pathname !== '/') {
    response.writeHead(404, { 'content-type': 'text/plain' }).end('not found\n');
    return;
  }
  const name = url.searchParams.get('name') || 'Grid';
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
  response.end(mustache.render(page, { name, node: process.version }));
});

server.listen(port, host, () => console.log(`listening on ${host}:${port}`));

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => server.close(() => process.exit(0)));
}
