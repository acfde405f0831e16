/** Small disks for tests, where this user may mount them. */

/** Mounts a small file system; says why it can't. */
export async function mount(folder: string, options: string): Promise<string | undefined> {
  await Deno.mkdir(folder, { recursive: true });
  const done = await new Deno.Command("mount", { args: ["-t", "tmpfs", "-o", options, "tmpfs", folder] })
    .output()
    .catch((error) => ({ code: 1, stderr: new TextEncoder().encode(error.message) }));
  return done.code === 0 ? undefined : new TextDecoder().decode(done.stderr).trim();
}

/** Also where a program of the other side has not yet ended. */
export async function unmount(folder: string) {
  await new Deno.Command("umount", { args: ["--lazy", folder] }).output();
}

/** Whether tests that need such a disk can run; otherwise the reason was printed. */
export const mountable = await (async () => {
  const folder = await Deno.makeTempDir();
  const problem = await mount(folder, "size=64k");
  if (problem === undefined) await unmount(folder);
  else {console.log(
      `ignored: small and read-only file systems, since the right to mount is missing: ${problem}`,
    );}
  await Deno.remove(folder);
  return problem === undefined;
})();
