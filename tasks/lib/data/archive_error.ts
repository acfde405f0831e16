/** An archive that can't be unpacked as it is; `unpack` names the archive and makes a failure of it. */
export class ArchiveError extends Error {
  override name = "ArchiveError";
  constructor(message: string, readonly remedy?: string) {
    super(message);
  }
}

/** A name from an archive as it may be printed: in quotes, without control characters, and not without end. */
export function shown(name: string): string {
  return JSON.stringify(name.length > SHOWN ? `${name.slice(0, SHOWN)}…` : name);
}

const SHOWN = 200;
