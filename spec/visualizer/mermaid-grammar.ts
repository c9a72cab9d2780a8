/**
 * A strict reader of the part of Mermaid's state diagrams that we write: line by line, every block closed, every arrow from and to a
 * declared state, no sign in a text that Mermaid takes for its own. Stricter than Mermaid, and a thousandth of its size.
 */
export function complaintsAbout(text: string): readonly string[] {
  const complaints: string[] = [];
  const declared = new Set<string>();
  const used: { readonly id: string; readonly line: number }[] = [];
  const open: ('state' | 'note')[] = [];
  const lines = text.split('\n');
  if (lines.pop() !== '') complaints.push('the last line has no end');
  lines.forEach((raw, index) => {
    const line = raw.trim();
    const complain = (what: string): void => void complaints.push(`line ${index + 1}: ${what}: ${line}`);
    const inNote = open.at(-1) === 'note';
    if (raw !== raw.trimEnd()) complain('trailing space');
    if (index === 0 && line.startsWith('%% ')) return;
    if (line.includes('%%')) complain('a comment');
    if (index === 1) return line === 'stateDiagram-v2' ? undefined : complain('not a state diagram');
    const depth = open.length + (line === '}' || line === 'end note' ? 0 : 1);
    if (raw.length - raw.trimStart().length !== 2 * depth) complain('indentation');
    if (inNote) {
      if (line === 'end note') open.pop();
      else if (!/^[^:;"#<>`{}]+$/.test(line)) complain('sign in a note');
      return;
    }
    const declaration = /^state "([^"]*)" as (\w+)$/.exec(line);
    const block = /^state (\w+) \{$/.exec(line);
    const note = /^note right of (\w+)$/.exec(line);
    const arrow = /^(\[\*\]|\w+) --> (\[\*\]|\w+)(?: : ([^:;"#<>`{}]+))?$/.exec(line);
    const fact = /^(\w+) : ([^:;"#<>`{}]+)$/.exec(line);
    if (declaration) {
      if (declared.has(declaration[2]!)) complain('declared twice');
      if (!/^[^:;"#<>`{}]+$/.test(declaration[1]!)) complain('sign in a title');
      declared.add(declaration[2]!);
    } else if (block) {
      if (!declared.has(block[1]!)) complain('block of an unknown state');
      open.push('state');
    } else if (note) {
      used.push({ id: note[1]!, line: index + 1 });
      open.push('note');
    } else if (arrow) {
      for (const id of [arrow[1]!, arrow[2]!]) if (id !== '[*]') used.push({ id, line: index + 1 });
      if (!arrow.slice(1, 3).includes('[*]') && arrow[3] === undefined) complain('an arrow without a reason');
    } else if (fact) used.push({ id: fact[1]!, line: index + 1 });
    else if (line === '}') {
      if (open.pop() !== 'state') complain('closes nothing');
    } else if (line !== '--' || open.at(-1) !== 'state') complain('not understood');
  });
  if (open.length > 0) complaints.push(`left open: ${open.join(', ')}`);
  for (const { id, line } of used) if (!declared.has(id)) complaints.push(`line ${line}: unknown state ${id}`);
  return complaints;
}
