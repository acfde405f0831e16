/** As much as there is from a place in a file on, at most `length` bytes. */
export function readAt(file: Deno.FsFile, offset: number, length: number): Uint8Array<ArrayBuffer> {
  const data = new Uint8Array(length);
  file.seekSync(offset, Deno.SeekMode.Start);
  let done = 0;
  while (done < length) {
    const count = file.readSync(data.subarray(done));
    if (count === null) break;
    done += count;
  }
  return done === length ? data : data.slice(0, done);
}
