/** An archive that can't be unpacked as it is; `unpack` names the archive and makes a failure of it. */
export class ArchiveError extends Error {
  override name = "ArchiveError";
  /**
   * @param problem what is wrong, e.g. `is damaged`; of the whole archive it begins with `it`
   * @param at name of the entry that it is about, and what to do about it
   */
  constructor(problem: string, readonly at: { entry?: string; remedy?: string } = {}) {
    super(at.entry === undefined ? problem : `${shown(at.entry)} ${problem}`);
  }
}

/** Adds where in the archive something is wrong, unless the error says it already. */
export function located(error: unknown, where: string): unknown {
  if (!(error instanceof ArchiveError) || error.at.entry !== undefined) return error;
  return new ArchiveError(`${error.message}, ${where}`, error.at);
}

/** A name from an archive as it may be printed: in quotes, without control characters, and not without end. */
export function shown(name: string): string {
  return JSON.stringify(name.length > SHOWN ? `${name.slice(0, SHOWN)}…` : name);
}

const SHOWN = 200;
