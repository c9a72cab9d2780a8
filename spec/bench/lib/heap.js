// Reads a heap snapshot of V8 and says what N connections are made of: bytes and objects per connection, by what they are.
// Plain objects are named by their properties, arrays and other nameless parts by whoever holds them.
import { readFileSync } from 'node:fs';

const NAMELESS = new Set(['Array', 'Map', 'Set', 'Uint8Array', 'Uint32Array', 'closure: native_bind', 'system / Context', 'object: system / Context']);

export function census(file) {
  const { snapshot: { meta }, nodes, edges, strings } = JSON.parse(readFileSync(file, 'utf8'));
  const [types] = meta.node_types, [kinds] = meta.edge_types;
  const N = meta.node_fields.length, E = meta.edge_fields.length;
  const at = (fields, name) => fields.indexOf(name);
  const nType = at(meta.node_fields, 'type'), nName = at(meta.node_fields, 'name'), nSize = at(meta.node_fields, 'self_size'), nEdges = at(meta.node_fields, 'edge_count');
  const eType = at(meta.edge_fields, 'type'), eName = at(meta.edge_fields, 'name_or_index'), eTo = at(meta.edge_fields, 'to_node');
  const count = nodes.length / N;
  const label = new Array(count), holder = new Array(count);
  for (let i = 0, e = 0; i < count; i++) {
    const type = types[nodes[i * N + nType]], name = strings[nodes[i * N + nName]];
    const properties = [];
    for (let k = 0; k < nodes[i * N + nEdges]; k++, e++) {
      const kind = kinds[edges[e * E + eType]], to = edges[e * E + eTo] / N;
      const edge = kind === 'element' || kind === 'hidden' ? `[${kind}]` : strings[edges[e * E + eName]];
      if (kind === 'property' && edge !== '__proto__') properties.push(edge);
      if (kind !== 'weak') (holder[to] ??= [i, edge]);
    }
    label[i] = type === 'object' && name === 'Object' ? `{${properties.slice(0, 8).join(' ')}}` : type === 'string' || type === 'concatenated string' || type === 'sliced string' ? '(string)' : `${type === 'object' || type === 'native' ? '' : `${type}: `}${name}`;
  }
  const groups = new Map();
  for (let i = 0; i < count; i++) {
    const type = types[nodes[i * N + nType]];
    let name = label[i];
    if (type === 'closure') name = `closure ${strings[nodes[i * N + nName]]} of ${nameOf(holder[i])}`;
    else if (type !== 'object' && type !== 'native' || name === 'Array' || name === 'Map' || name === 'Set' || name === '{}') name = `${name} of ${nameOf(holder[i])}`;
    const group = groups.get(name) ?? { count: 0, bytes: 0 };
    group.count++;
    group.bytes += nodes[i * N + nSize];
    groups.set(name, group);
  }
  return groups;
  function nameOf(held, depth = 0) {
    if (held === undefined) return '?';
    const [by, edge] = held;
    const type = types[nodes[by * N + nType]];
    const isNameless = type === 'array' || type === 'object shape' || type.endsWith('string') || NAMELESS.has(label[by]);
    const name = isNameless && depth < 4 ? nameOf(holder[by], depth + 1) : label[by];
    return `${name}.${edge}`;
  }
}

/** Lines for what grew by at least `bytesMin` per connection between two censuses. */
export function growth(before, after, connections, bytesMin = 8) {
  const rows = [];
  for (const [name, { count, bytes }] of after) {
    const was = before.get(name) ?? { count: 0, bytes: 0 };
    const per = (bytes - was.bytes) / connections;
    rows.push([per, (count - was.count) / connections, name]);
  }
  rows.sort((a, b) => b[0] - a[0]);
  const sum = rows.reduce((total, [per]) => total + per, 0);
  return [`${sum.toFixed(0).padStart(7)} bytes per connection in all`, ...rows.filter(([per]) => per >= bytesMin).map(([per, n, name]) => `${per.toFixed(0).padStart(7)} ${n.toFixed(2).padStart(6)} ${name.slice(0, 150)}`)];
}
