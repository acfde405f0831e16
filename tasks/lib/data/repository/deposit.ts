/** A deposit as a repository describes it: its files with their addresses, sizes and hashes. */

/** One file of a deposit. */
export interface DepositedFile {
  /** As the repository names it; with folders where it has them. */
  path: string;
  url: string;
  /** In bytes. */
  size?: number;
  sha256?: string;
  md5?: string;
}

export interface Deposit {
  /** E.g. `zenodo.org`. */
  host: string;
  files: DepositedFile[];
  /** The repository is one of those that are known by their host, not only by how it answers. */
  known: boolean;
}

/** `md5:…` or `sha256:…`, as a field of a file; nothing for other kinds of hashes. */
export function hashField(kind: string, value: string): Pick<DepositedFile, "sha256" | "md5"> {
  const name = kind.toLowerCase().replace("-", "");
  if (name === "md5" && /^[0-9a-f]{32}$/i.test(value)) return { md5: value.toLowerCase() };
  if (name === "sha256" && /^[0-9a-f]{64}$/i.test(value)) return { sha256: value.toLowerCase() };
  return {};
}
