import type { Logger } from '../log';
import { readTls, type TlsFiles, type TlsOptions } from '../tls';
import { TLS_FILES_EVERY_MS } from './limits';

export interface TlsFilesOptions {
  /** Undefined if the section is not given: nothing is read then. */
  readonly files: TlsFiles | undefined;
  /** The section, for messages: "probe.tls". */
  readonly where: string;
  readonly log: Logger;
  /** Called with the content, after it has changed. */
  readonly onChange: (tls: TlsOptions) => void;
}

/**
 * Reads the files of a section again and again, because others replace them while Syncer runs: cert-manager does so weeks
 * before a certificate ends. The content is compared, not the time: a mounted Secret is a link to another folder after a
 * change. Files that cannot be used change nothing; a key and its certificate may be written one after the other.
 *
 * @returns ends it
 */
export function watchTlsFiles({ files, where, log, onChange }: TlsFilesOptions): () => void {
  const { caFile, certFile, keyFile } = files ?? {};
  if (files === undefined || [caFile, certFile, keyFile].every((file) => file === undefined))
    return () => undefined;
  let used = JSON.stringify(readTls(files, where));
  let reported = '';
  const refresh = (): void => {
    try {
      const tls = readTls(files, where);
      reported = '';
      const content = JSON.stringify(tls);
      if (content === used) return;
      onChange(tls);
      used = content;
      log.info(`${where}: the files have changed; new connections use them`);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (message !== reported) log.warn(`${message}. Until then the files before are used`);
      reported = message;
    }
  };
  const timer = setInterval(refresh, TLS_FILES_EVERY_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}
