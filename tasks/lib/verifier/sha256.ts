/** SHA-256 by a WebAssembly module, which is in the page: WebCrypto, the faster one, takes nothing in pieces. */

import { createSHA256, type IHasher } from "hash-wasm";

/** A sum is not shared by two that are made at the same time: each has a memory of its own. */
export const makeSum: () => Promise<IHasher> = createSHA256;

let own: IHasher | undefined;

/** Compiles it, which browsers do not do without waiting; to be waited for before {@link sha256}. */
export async function prepare(): Promise<void> {
  own ??= await makeSum();
}

/** SHA-256 of what is in memory, in hexadecimal. */
export function sha256(data: string | Uint8Array): string {
  return own!.init().update(data).digest();
}

/** A sum of pieces, as node:crypto has it. Several share one memory: what each has so far is kept between its pieces. */
export class Sum {
  #state = own!.init().save();

  update(piece: string | Uint8Array): this {
    this.#state = own!.load(this.#state).update(piece).save();
    return this;
  }

  digest(): string {
    return own!.load(this.#state).digest();
  }
}

export function toHex(bytes: ArrayBuffer): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
