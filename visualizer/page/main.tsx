import { render } from 'preact';
import { Source } from './model/source.js';
import { App } from './view/app.js';

const source = new Source();
void source.open();
render(<App source={source} />, document.body);

for (const type of ['dragover', 'drop']) {
  document.addEventListener(type, (event) => {
    event.preventDefault();
    const [file] = (event as DragEvent).dataTransfer?.files ?? [];
    if (type === 'drop' && file !== undefined) void source.import(file);
  });
}
