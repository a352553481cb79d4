// The API's reference: reads the OpenAPI document of this node and shows its routes, with forms that call them. Text is only ever set as text.
'use strict';

const byId = id => document.getElementById(id);

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children.filter(child => child !== null && child !== undefined));
  return made;
}

function resolve(schema, document) {
  return schema && schema.$ref ? document.components.schemas[schema.$ref.split('/').pop()] : schema;
}

// What a value looks like, as text: nested as far as it is not repeated.
function shape(schema, document, seen = []) {
  if (!schema) return 'nothing';
  const name = schema.$ref ? schema.$ref.split('/').pop() : null;
  if (name && seen.includes(name)) return name;
  const real = resolve(schema, document) || {};
  const inside = name ? [...seen, name] : seen;
  if (real.enum) return real.enum.map(value => JSON.stringify(value)).join(' | ');
  const several = real.oneOf || real.anyOf;
  if (several) return several.map(one => shape(one, document, inside)).join(' | ');
  const types = [real.type].flat().filter(type => type && type !== 'null');
  if (types[0] === 'array') return '[ ' + shape(real.items, document, inside) + ' ]';
  if (real.properties) {
    const required = real.required || [];
    const lines = Object.entries(real.properties).map(([key, value]) =>
      `  ${key}${required.includes(key) ? '' : '?'}: ${shape(value, document, inside).replaceAll('\n', '\n  ')}${value.description ? '   // ' + value.description.replaceAll('\n', ' ') : ''}`);
    return '{\n' + lines.join('\n') + '\n}';
  }
  if (real.additionalProperties) return '{ name: ' + shape(real.additionalProperties, document, inside) + ' }';
  return types.join(' | ') + (real.format ? ` (${real.format})` : '') || 'anything';
}

// A body to begin with: what has to be there.
function example(schema, document) {
  const real = resolve(schema, document) || {};
  if (real.enum) return real.enum[0];
  const type = [real.type].flat().find(one => one !== 'null');
  if (type === 'array') return [];
  if (type === 'integer' || type === 'number') return 0;
  if (type === 'boolean') return false;
  if (real.properties) return Object.fromEntries((real.required || []).map(key => [key, example(real.properties[key], document)]));
  return type === 'object' ? {} : '';
}

function parameters(operation) {
  if (!operation.parameters || operation.parameters.length === 0) return null;
  const rows = operation.parameters.map(parameter => element('tr', {},
    element('td', {}, element('code', { textContent: parameter.name })), element('td', { textContent: parameter.in + (parameter.required ? ', required' : '') }), element('td', { textContent: parameter.description || '' })));
  return element('table', {}, element('tbody', {}, ...rows));
}

function tryForm(method, path, operation, body, document) {
  const form = element('form', {});
  const inputs = (operation.parameters || []).map(parameter => {
    const input = element('input', { autocomplete: 'off', required: parameter.required === true, value: parameter.name === 'tenant' ? byId('tenant').value : '' });
    input.dataset.name = parameter.name;
    form.append(element('label', {}, `${parameter.name} (${parameter.in})`, input));
    return { parameter, input };
  });
  const isJson = body && body.content && body.content['application/json'];
  const text = isJson ? element('textarea', { spellcheck: false, value: JSON.stringify(example(body.content['application/json'].schema, document), null, 2) }) : null;
  if (text) form.append(element('label', {}, 'body', text));
  const answer = element('pre', { hidden: true });
  answer.setAttribute('aria-live', 'polite');
  const send = element('button', { type: 'submit', textContent: 'Send' });
  const stop = element('button', { type: 'button', textContent: 'Stop', hidden: true });
  form.append(send, ' ', stop, answer);
  form.addEventListener('submit', async event => {
    event.preventDefault();
    const abort = new AbortController();
    stop.onclick = () => abort.abort();
    stop.hidden = false;
    answer.hidden = false;
    answer.textContent = '…';
    try {
      await call(method, path, inputs, text, answer, abort.signal);
    } catch (error) {
      answer.textContent += '\n' + (error.name === 'AbortError' ? '(stopped)' : error.message);
    }
    stop.hidden = true;
  });
  return form;
}

async function call(method, path, inputs, text, answer, signal) {
  const headers = {};
  const query = new URLSearchParams();
  for (const { parameter, input } of inputs) {
    if (parameter.in === 'path') path = path.replace(`{${parameter.name}}`, input.value.split('/').map(encodeURIComponent).join('/'));
    else if (input.value !== '' && parameter.in === 'query') query.set(parameter.name, input.value);
    else if (input.value !== '' && parameter.in === 'header') headers[parameter.name] = input.value;
  }
  if (text) headers['Content-Type'] = 'application/json';
  const token = byId('token').value.trim();
  if (token) headers.Authorization = 'Bearer ' + token;
  const response = await fetch(path + (query.size > 0 ? '?' + query : ''), { method: method.toUpperCase(), headers, body: text ? text.value : undefined, signal, cache: 'no-store' });
  answer.textContent = `${response.status} ${response.statusText}\n` + [...response.headers].map(([name, value]) => `${name}: ${value}`).join('\n') + '\n\n';
  const reader = response.body ? response.body.pipeThrough(new TextDecoderStream()).getReader() : null;
  let shown = 0;
  // Streams have no end of their own: what comes is shown as it comes, and not for ever.
  while (reader && shown < 200000) {
    const { done, value } = await reader.read();
    if (done) return pretty(answer);
    shown += value.length;
    answer.textContent += value;
  }
  if (reader) {
    await reader.cancel();
    answer.textContent += '\n(more is not shown)';
  }
}

function pretty(answer) {
  const at = answer.textContent.indexOf('\n\n') + 2;
  try {
    answer.textContent = answer.textContent.slice(0, at) + JSON.stringify(JSON.parse(answer.textContent.slice(at)), null, 2);
  } catch {
    // Not everything is JSON.
  }
}

function route(method, path, operation, document) {
  const body = operation.requestBody;
  const details = element('details', { id: operation.operationId || method + path });
  details.dataset.words = [method, path, operation.summary, operation.operationId].join(' ').toLowerCase();
  details.append(element('summary', {}, element('span', { className: 'method', textContent: method.toUpperCase() }), element('code', { textContent: path }), element('span', { className: 'note', textContent: '  ' + (operation.summary || '') })));
  details.addEventListener('toggle', () => {
    if (!details.open || details.childElementCount > 1) return;
    const inner = element('div', {}, operation.description ? element('p', { className: 'note', textContent: operation.description }) : null, parameters(operation));
    for (const [type, content] of Object.entries((body && body.content) || {})) inner.append(element('h3', { textContent: 'Body: ' + type }), element('pre', { textContent: shape(content.schema, document) }));
    for (const [status, response] of Object.entries(operation.responses || {})) {
      inner.append(element('h3', { textContent: `${status}: ${response.description || ''}` }));
      for (const [type, content] of Object.entries(response.content || {})) inner.append(element('pre', { textContent: `${type}\n${shape(content.schema, document)}` }));
    }
    inner.append(element('h3', { textContent: 'Try it' }), tryForm(method, path, operation, body, document));
    details.append(inner);
  });
  return details;
}

function show(document) {
  const groups = new Map();
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const tag = (operation.tags || ['Other'])[0];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(route(method, path, operation, document));
    }
  }
  const main = byId('routes');
  main.replaceChildren(...[...groups].map(([tag, routes]) => element('section', {}, element('h2', { textContent: tag }), ...routes)));
  main.setAttribute('aria-busy', 'false');
  if (location.hash) {
    const wanted = byId(decodeURIComponent(location.hash.slice(1)));
    if (wanted) wanted.open = true;
  }
}

byId('identity').addEventListener('submit', event => event.preventDefault());
byId('find').addEventListener('input', event => {
  const words = event.target.value.toLowerCase().split(/\s+/);
  for (const one of document.querySelectorAll('details')) one.hidden = !words.every(word => one.dataset.words.includes(word));
  for (const section of document.querySelectorAll('section')) section.hidden = !section.querySelector('details:not([hidden])');
});
fetch('/openapi/v1.json').then(response => response.json()).then(show).catch(error => { byId('routes').textContent = 'The document could not be read: ' + error.message; });
