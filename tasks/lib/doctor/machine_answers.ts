/** Reading what small programs say of the machine. */

import { type Answer, output } from "./ask.ts";
import type { Disk, Machine, UserNamespaces } from "./machine.ts";

/** @param answer file system type of /sys/fs/cgroup */
export function readCgroup(answer: Answer): Machine["cgroup"] {
  const type = output(answer)?.trim();
  if (type === undefined) return undefined;
  return type === "cgroup2fs" ? 2 : 1;
}

/** @param answer lines `path:value`; a kernel without a setting has no such file, so the exit code says nothing */
export function readUserNamespaces(answer: Answer): UserNamespaces {
  const text = answer.kind === "ended" ? answer.stdout : "";
  const value = (name: string) => new RegExp(`/${name}:(\\d+)`).exec(text)?.[1];
  const [most, clone] = [value("max_user_namespaces"), value("unprivileged_userns_clone")];
  return {
    most: most === undefined ? undefined : Number(most),
    allowed: clone === undefined ? undefined : clone === "1",
    restricted: value("apparmor_restrict_unprivileged_userns") === "1",
  };
}

/** @param answer of `df -P -k`, whose columns POSIX fixes */
export function readDisk(path: string, answer: Answer): Disk | undefined {
  const line = output(answer)?.trim().split("\n").at(-1) ?? "";
  const [, total, , free] = /\s(\d+)\s+(\d+)\s+(\d+)\s+\d+%\s/.exec(line) ?? [];
  if (total === undefined || free === undefined) return undefined;
  return { path, total: Number(total) * 1024, free: Number(free) * 1024 };
}

/** Names as Docker gives them; Podman adds the registry. */
export function readImageNames(answer: Answer): string[] {
  const lines = (output(answer) ?? "").split("\n").filter((line) =>
    line !== "" && !line.startsWith("<none>")
  );
  return lines.map((line) => line.replace(/^(?:localhost|docker\.io)\/(?:library\/)?/, ""));
}
