/* What a browser loads besides the page. Nothing comes from elsewhere. */

export const STYLE = `
:root {
  color-scheme: light dark;
  --back: #f6f7f9; --card: #fff; --text: #16202b; --soft: #52606d; --line: #d9dfe5;
  --good: #1a7f43; --warn: #9a6200; --bad: #c02626; --none: #dfe4e9; --link: #0b57a4;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #11161c; --card: #1a2129; --text: #e6ebf0; --soft: #a3b0bd; --line: #313c47;
    --good: #4cc27b; --warn: #e3ad4b; --bad: #ff8078; --none: #2c3640; --link: #7db8f5;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 68rem; padding: 1rem; background: var(--back); color: var(--text);
  font: 15px/1.5 system-ui, sans-serif; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 3px; }
.top { display: flex; align-items: baseline; gap: 1rem; }
.top h1 { font-size: 1.3rem; margin: 0 0 .5rem; }
.top p { margin: 0; flex: 1; color: var(--soft); }
button { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 6px;
  padding: .2rem .7rem; }
article { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1rem 1.2rem; margin: 0 0 1rem; }
.title { display: flex; flex-wrap: wrap; justify-content: space-between; gap: .5rem; }
.title h2, .title p { margin: 0; }
h2 { font-size: 1.2rem; } h2 small { color: var(--soft); font-weight: normal; font-size: .9rem; }
h3 { font-size: 1rem; margin: .8rem 0 .2rem; }
.word { display: inline-block; border: 2px solid; border-radius: 999px; padding: 0 .7rem; font-weight: 600; }
.of { font-weight: normal; color: var(--soft); }
.word.good { color: var(--good); } .word.warn { color: var(--warn); } .word.bad { color: var(--bad); }
.why { margin: .4rem 0; }
.reasons { margin: .3rem 0; padding-left: 1.2rem; }
.bad-text { color: var(--bad); }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(24rem, 1fr)); gap: .1rem 1.5rem; margin: .6rem 0; }
dl div { display: grid; grid-template-columns: 7rem 1fr; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
figure { margin: .6rem 0; } figcaption { color: var(--soft); }
.strip { display: flex; gap: 2px; }
.strip i { flex: 1; height: 1.6rem; border-radius: 2px; background: var(--none); color: var(--card);
  font: bold .9rem/1.6rem sans-serif; text-align: center; }
.strip .good { background: var(--good); } .strip .warn { background: var(--warn); } .strip .bad { background: var(--bad); }
progress { width: 14rem; accent-color: var(--good); vertical-align: middle; }
code, .paths, td { font-family: ui-monospace, monospace; font-size: .86rem; overflow-wrap: anywhere; }
.actions, .paths { margin: .2rem 0; padding-left: 1.2rem; }
table { border-collapse: collapse; } td { padding: .1rem 1rem .1rem 0; vertical-align: top; }
summary { cursor: pointer; font-weight: 600; }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; } dl div { grid-template-columns: 6rem 1fr; } }
`;

/**
 * Fetches the content every 2 s while the page is visible, and replaces it. Focus and closed parts stay as they are: they are
 * found again by their ids.
 */
export const SCRIPT = `
'use strict';
const main = document.getElementById('syncs');
const connection = document.getElementById('connection');
const pause = document.getElementById('pause');
let isPaused = false;
pause.hidden = false;
pause.addEventListener('click', () => {
  isPaused = !isPaused;
  pause.setAttribute('aria-pressed', String(isPaused));
  pause.textContent = isPaused ? 'Continue updates' : 'Pause updates';
  if (!isPaused) refresh();
});
function show(text) {
  const focused = document.activeElement && document.activeElement.id;
  const summary = document.activeElement && document.activeElement.tagName === 'SUMMARY' && document.activeElement.parentElement.id;
  const closed = [...main.querySelectorAll('details:not([open])')].map(({ id }) => id);
  main.innerHTML = text;
  for (const id of closed) { const part = document.getElementById(id); if (part) part.open = false; }
  const again = summary ? document.querySelector('#' + summary + ' > summary') : focused && document.getElementById(focused);
  if (again && again !== document.activeElement) again.focus({ preventScroll: true });
}
async function refresh() {
  try {
    const answer = await fetch('/content', { signal: AbortSignal.timeout(30000) });
    if (!answer.ok) throw new Error(String(answer.status));
    const { title, content } = await answer.json();
    if (isPaused) return;
    document.title = title;
    show(content);
    connection.textContent = '';
  } catch {
    connection.textContent = 'vsync ui does not answer: what is below may be old';
  }
}
async function run() {
  if (!isPaused && !document.hidden) await refresh();
  setTimeout(run, 2000);
}
document.addEventListener('visibilitychange', () => { if (!document.hidden && !isPaused) refresh(); });
setTimeout(run, 2000);
`;
