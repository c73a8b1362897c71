import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Pool } from 'undici';
import type { GuardedProcess } from '../../shared/guarded-process';
import type { Run } from '../../shared/run';
import { startVsync } from '../../shared/vsync-command';
import { freePorts } from '../../servers/start/ports';
import { askAll, type Asked, type FanOutDone } from '../fan-out';
import { Helper } from '../helper';
import { memoryMiB } from '../machine';
import { makeRow, percentile, ratio, summarise, type BenchOptions, type Row } from '../results';

const INSTANCES = 50;
const IN_FLIGHT = 100;
/** `max_keepalives` of the original, shared by all instances. */
const CONNECTIONS = Math.floor(512 / INSTANCES);
/** Questions of one measurement, 50 probes each. */
const QUESTIONS = 1_500;
/** Verdicts whose memory is measured, about few instances: their number is what counts. */
const MEMORY_VERDICTS = 100_000;
const MEMORY_INSTANCES = 4;
const DEADLINE_MS = 1_000;

/** Syncer compared with a bare fan-out of the same probes; its memory; and its deadline with an instance that hangs. */
export async function measureSyncer(options: BenchOptions, run: Run): Promise<Row[]> {
  return [
    ...(await measureThroughput(options, run)),
    await measureMemory(options, run),
    await measureDeadline(options, run),
  ];
}

async function measureThroughput({ rounds, secrets }: BenchOptions, run: Run): Promise<Row[]> {
  const questions = Math.min(QUESTIONS, secrets);
  const ports = await startInstances(run, INSTANCES);
  const syncer = await BenchSyncer.start(run, ports, {
    request_deadline: 60_000,
    connection_timeout: 60_000,
  });
  const floor = new Helper('floor', run);
  const bare = (count: number): Promise<FanOutDone> =>
    floor.do('fanOut', { ports, questions: count, inFlight: IN_FLIGHT, connections: CONNECTIONS });
  // Connections, and code that is compiled when it is warm.
  await syncer.ask(questions, IN_FLIGHT);
  await bare(questions);
  const all = {
    ours: [] as number[],
    floor: [] as number[],
    oursMedian: [] as number[],
    floorMedian: [] as number[],
  };
  for (let round = 1; round <= rounds; round++) {
    const ours = await syncer.ask(questions, IN_FLIGHT);
    const theirs = await bare(questions);
    all.ours.push(ours.ms);
    all.floor.push(theirs.ms);
    all.oursMedian.push(percentile(ours.latencies, 0.5));
    all.floorMedian.push(theirs.medianMs);
    const rate = (ms: number): string => `${Math.round((questions / ms) * 1000)} verdicts/s`;
    console.log(`syncer, round ${round}: ${rate(ours.ms)}; bare fan-out: ${rate(theirs.ms)}`);
  }
  await Promise.all([syncer.stop(), floor.stop()]);
  const [ours, bareMs] = [summarise(all.ours), summarise(all.floor)];
  const medians = ratio(summarise(all.oursMedian), summarise(all.floorMedian));
  const common = {
    secrets: 0,
    buckets: 0,
    details: { instances: INSTANCES, questions, inFlight: IN_FLIGHT },
  };
  return [
    makeRow('syncer-rate', { ...common, value: bareMs.median / ours.median, ours, floor: bareMs }),
    makeRow('syncer-latency', { ...common, ...medians }),
  ];
}

async function measureMemory({ secrets }: BenchOptions, run: Run): Promise<Row> {
  const verdicts = Math.min(MEMORY_VERDICTS, secrets * 10);
  const ports = await startInstances(run, MEMORY_INSTANCES);
  const syncer = await BenchSyncer.start(run, ports, {
    request_deadline: 60_000,
    connection_timeout: 60_000,
  });
  // What a process gets once: compiled code, connections, the first growth of its heap.
  await syncer.ask(verdicts / 10, IN_FLIGHT);
  const halves: number[][] = [[], []];
  for (const samples of halves) {
    samples.push(memoryMiB(syncer.pid, 'VmRSS'));
    const timer = setInterval(() => samples.push(memoryMiB(syncer.pid, 'VmRSS')), 100);
    await syncer.ask(verdicts / 2, IN_FLIGHT);
    clearInterval(timer);
  }
  await syncer.stop();
  const [first = NaN, second = NaN] = halves.map((samples) => percentile(samples, 0.5));
  console.log(
    `syncer, memory over ${verdicts} verdicts: ${first.toFixed(1)} MiB, then ${second.toFixed(1)} MiB`,
  );
  const details = { verdicts, firstHalfMiB: first, secondHalfMiB: second };
  return makeRow('syncer-memory', { secrets: 0, buckets: 0, value: second / first, details });
}

async function measureDeadline({ secrets }: BenchOptions, run: Run): Promise<Row> {
  const questions = Math.min(1_000, secrets);
  const ports = await startInstances(run, INSTANCES, 1);
  const syncer = await BenchSyncer.start(run, ports, { request_deadline: DEADLINE_MS });
  const inFlight = 20;
  await syncer.ask(inFlight, inFlight, 'Timeout');
  const { latencies } = await syncer.ask(questions, inFlight, 'Timeout');
  await syncer.stop();
  const late = latencies.map((ms) => ms - DEADLINE_MS);
  const value = percentile(late, 0.99);
  console.log(`syncer, an instance hangs: ${value.toFixed(1)} ms after the deadline (99th percentile)`);
  const details = { questions, inFlight, medianMs: percentile(late, 0.5), mostMs: Math.max(...late) };
  return makeRow('syncer-deadline', { secrets: 0, buckets: 0, value, details });
}

function startInstances(run: Run, count: number, hanging = 0): Promise<number[]> {
  return new Helper('NGINX instances', run).do('instances', { count, hanging });
}

/** `vsync syncer` as a process of its own, and a client of it. */
class BenchSyncer {
  private asked = 0;

  private constructor(
    private readonly process: GuardedProcess,
    private readonly client: Pool,
  ) {}

  static async start(run: Run, ports: readonly number[], times: object): Promise<BenchSyncer> {
    const [port = 0] = await freePorts(1);
    const file = path.join(run.dir, `syncer-${port}.json`);
    const config = {
      host: 'api.example.com',
      path: '/check',
      listen: `127.0.0.1:${port}`,
      instances: ports.map((each) => `127.0.0.1:${each}`),
      probe: { scheme: 'http' },
      log: { level: 'error' },
      ...times,
    };
    writeFileSync(file, JSON.stringify(config));
    const process = await startVsync(['syncer', '-c', file], { home: run.dir });
    run.cleanUps.push(() => process.stop());
    const client = new Pool(`http://127.0.0.1:${port}`, { connections: IN_FLIGHT });
    const syncer = new BenchSyncer(process, client);
    await syncer.isReady(run.signal);
    return syncer;
  }

  get pid(): number {
    return this.process.pid;
  }

  /** Asks about that many tokens, each another one, and takes no other verdict. */
  async ask(questions: number, inFlight: number, wanted = 'Synced'): Promise<Asked> {
    return askAll({ questions, inFlight }, async () => {
      const headers = { 'x-auth-token': `token-${this.asked++}`, 'x-nginx-origin': 'gateway' };
      const { headers: answered, body } = await this.client.request({
        method: 'GET',
        path: '/v1/synced',
        headers,
      });
      const verdict = answered['x-token-status'];
      if (verdict === wanted) return body.dump();
      const why = `the verdict was ${String(verdict)}, not ${wanted}, so its time has no meaning`;
      throw new Error(`${why}: ${await body.text()}`);
    });
  }

  async stop(): Promise<void> {
    await this.client.close();
    await this.process.stop();
  }

  private async isReady(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      if (this.process.exit !== undefined) throw new Error(`vsync syncer ended: see ${this.process.logFile}`);
      try {
        const { statusCode, body } = await this.client.request({ method: 'GET', path: '/readyz' });
        await body.dump();
        if (statusCode === 200) return;
      } catch {
        // It does not listen yet.
      }
      await pause(50);
    }
  }
}
