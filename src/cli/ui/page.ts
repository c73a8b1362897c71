import { formatCycle, formatFailure, firstLines } from '../text';
import { rowsOf } from '../status/screen';
import type { CycleStatus, Status } from '../status/status';
import type { Slot } from './day';
import { markup, type Html } from './markup';
import type { SyncView } from './shared-status';

/* The page: plain HTML from statuses. It can be read without the script, which only refreshes it. */

export interface PageOptions {
  /** Address of Temporal's web UI, without "/" at its end; without it there are no links. */
  readonly temporalUi?: string | undefined;
}

/** The whole page. */
export function pageOf(views: readonly SyncView[], options: PageOptions): string {
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${titleOf(views)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/page.css">
<noscript><meta http-equiv="refresh" content="10"></noscript>
<script src="/page.js" defer></script>
</head>
<body>
<header class="top"><h1>vsync</h1><p id="connection" role="status"></p><button id="pause" type="button" aria-pressed="false" hidden>Pause updates</button></header>
<main id="syncs">${mainOf(views, options)}</main>
</body>
</html>
`.text;
}

/** For the tab: how many syncs are well. */
export function titleOf(views: readonly SyncView[]): string {
  const well = views.filter(
    ({ status, problem }) => problem === undefined && status?.health.word === 'ok',
  ).length;
  return `${well} of ${views.length} ok – vsync`;
}

/** What the script replaces. */
export function mainOf(views: readonly SyncView[], options: PageOptions): Html {
  return markup`${views.map((view, at) => syncOf(view, at, options))}`;
}

const TONES: Readonly<Record<string, string>> = {
  'in-step': 'good',
  retained: 'good',
  ok: 'good',
  behind: 'warn',
  unknown: 'warn',
  degraded: 'warn',
  failing: 'bad',
};

const word = (text: string, of: string): Html =>
  markup`<span class="word ${TONES[text] ?? 'warn'}"><span class="of">${of}</span> ${text}</span>`;

function syncOf(view: SyncView, at: number, options: PageOptions): Html {
  const { name, role, status, problem, slots } = view;
  const id = `sync-${at}`;
  const ui = linksOf(view, options);
  return markup`
<article aria-labelledby="${id}">
<div class="title"><h2 id="${id}">${name} <small>${role}</small></h2><p>${
    status === undefined
      ? word('unknown', 'status')
      : [word(status.sync.word, 'sync'), ' ', word(status.health.word, 'health')]
  }</p></div>
${problem !== undefined && markup`<p class="problem bad-text">${problem}${status && `. Below is the status of ${status.at}`}</p>`}
${status && statusOf(status, slots, id, ui)}
</article>`;
}

interface Links {
  schedule: string | undefined;
  cycle: (cycle: CycleStatus) => string | undefined;
}

function linksOf({ temporal, status }: SyncView, { temporalUi }: PageOptions): Links {
  if (temporalUi === undefined) return { schedule: undefined, cycle: () => undefined };
  const base = `${temporalUi}/namespaces/${encodeURIComponent(temporal.namespace)}`;
  return {
    schedule: status && `${base}/schedules/${encodeURIComponent(status.schedule)}`,
    cycle: ({ workflowId, runId }) =>
      `${base}/workflows/${encodeURIComponent(workflowId)}/${encodeURIComponent(runId)}/history`,
  };
}

function statusOf(status: Status, slots: readonly Slot[] | undefined, id: string, ui: Links): Html {
  const failures = status.cycles.find((cycle) => cycle.failures !== undefined)?.failures ?? [];
  return markup`
<p class="why">${status.sync.why}</p>
${status.health.reasons.length > 0 && markup`<ul class="reasons">${status.health.reasons.map((reason) => markup`<li>${reason}</li>`)}</ul>`}
${progressOf(status)}
${slots && stripOf(slots)}
<dl>${rowsOf(status)
    .filter(({ label, text }) => text !== undefined && !IN_HEAD.has(label))
    .map(({ label, text }) => markup`<div><dt>${label}</dt><dd>${text}</dd></div>`)}</dl>
${status.nextActions.length > 0 && actionsOf(status)}
${failures.length > 0 && markup`<details id="${id}-failures" open><summary>Failures of the last cycle</summary><ul class="paths">${firstLines(failures.map(formatFailure)).map((line) => markup`<li>${line}</li>`)}</ul></details>`}
${cyclesOf(status, id, ui)}`;
}

/** Labels of rows that are shown above the list. */
const IN_HEAD: ReadonlySet<string> = new Set(['sync', 'health', '']);

/** The first copy: how many of the published secrets are here. */
function progressOf({ totals, lastSuccessAt }: Status): Html | false {
  if (totals === undefined || totals.toAdd === 0 || lastSuccessAt !== undefined) return false;
  const here = totals.inStep + totals.toUpdate;
  const all = here + totals.toAdd;
  const percent = Math.floor((100 * here) / all);
  return markup`<p class="progress"><label>First copy <progress max="${all}" value="${here}">${percent} %</progress> ${here} of ${all} secrets, ${percent} %</label></p>`;
}

/** Marks besides the colour, for those who do not see it. */
const MARKS: Readonly<Record<Slot['word'], string>> = { none: '', good: '', warn: '!', bad: '×' };

function stripOf(slots: readonly Slot[]): Html {
  const total: Record<string, number> = {};
  for (const { outcomes } of slots)
    for (const [outcome, count] of Object.entries(outcomes)) total[outcome] = (total[outcome] ?? 0) + count;
  const cells = slots.map(({ beginMs, word, outcomes }) => {
    const when = new Date(beginMs).toISOString().slice(11, 16);
    return markup`<i class="${word}" title="${when} UTC: ${countsText(outcomes)}">${MARKS[word]}</i>`;
  });
  return markup`<figure><figcaption>Last 24 hours: ${countsText(total)}</figcaption><div class="strip" aria-hidden="true">${cells}</div></figure>`;
}

function countsText(outcomes: Readonly<Record<string, number>>): string {
  const parts = Object.entries(outcomes)
    .sort(([, one], [, other]) => other - one)
    .map(([outcome, count]) => `${count} ${outcome}`);
  return parts.length === 0 ? 'no cycle' : parts.join(', ');
}

function actionsOf({ nextActions }: Status): Html {
  const items = nextActions.map(
    ({ what, command, changes }) =>
      markup`<li>${what}${!changes && ' (changes nothing)'}<br><code>${command}</code></li>`,
  );
  return markup`<h3>What to do next</h3><ul class="actions">${items}</ul>`;
}

function cyclesOf({ cycles, schedule }: Status, id: string, ui: Links): Html {
  const rows = cycles.map((cycle, at) => {
    const href = ui.cycle(cycle);
    const when =
      href === undefined
        ? markup`${cycle.startedAt}`
        : markup`<a id="${id}-cycle-${at}" href="${href}">${cycle.startedAt}</a>`;
    const note = cycle.note === undefined ? '' : ` (${cycle.note})`;
    return markup`<tr><td>${when}</td><td>${formatCycle(cycle.outcome, cycle.counts, cycle.durationMs)}${note}</td></tr>`;
  });
  const scheduleLink =
    ui.schedule !== undefined &&
    markup`<p><a id="${id}-schedule" href="${ui.schedule}">${schedule} in Temporal</a></p>`;
  return markup`<details id="${id}-cycles" open><summary>Cycles</summary>${
    cycles.length === 0 ? markup`<p>no cycle yet</p>` : markup`<table><tbody>${rows}</tbody></table>`
  }${scheduleLink}</details>`;
}
