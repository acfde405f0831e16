/** A receipt's signature checked by the browser itself (WebCrypto): the format is OpenSSH's PROTOCOL.sshsig. */

/** What is to be said of a signature. */
export interface SignatureFinding {
  /** Undefined if a browser can't tell: a kind of key that WebCrypto does not know. */
  good?: boolean;
  /** E.g. `signed with the ED25519 key SHA256:…, whosever it is`. */
  detail: string;
}

type Bytes = Uint8Array<ArrayBuffer>;

/** Reads SSH's strings, one after the other. */
class Reader {
  #at = 0;

  constructor(readonly bytes: Bytes) {}

  raw(count: number): Bytes {
    if (this.#at + count > this.bytes.length) throw new Error("it is cut off");
    this.#at += count;
    return this.bytes.slice(this.#at - count, this.#at);
  }

  number(): number {
    const raw = this.raw(4);
    return new DataView(raw.buffer).getUint32(0);
  }

  string(): Bytes {
    return this.raw(this.number());
  }

  text(): string {
    return new TextDecoder().decode(this.string());
  }
}

/**
 * Checks an armored signature of `message`, by whatever key.
 *
 * @param namespace what it must have been made for
 */
export async function checkSshSignature(
  armored: string,
  message: Bytes,
  namespace: string,
): Promise<SignatureFinding> {
  try {
    const base64 = /-----BEGIN SSH SIGNATURE-----([A-Za-z0-9+/=\s]+)-----END SSH SIGNATURE-----/.exec(armored)
      ?.[1];
    if (base64 === undefined) return bad("it is no SSH signature");
    const outer = new Reader(bytesOf(base64));
    if (new TextDecoder().decode(outer.raw(6)) !== "SSHSIG" || outer.number() !== 1) {
      return bad("it is no SSH signature of version 1");
    }
    const key = outer.string();
    const [found, reserved, hash, signature] = [outer.text(), outer.string(), outer.text(), outer.string()];
    if (found !== namespace) return bad(`it was made for "${found}", not for "${namespace}"`);
    if (hash !== "sha256" && hash !== "sha512") return bad(`its hash is ${hash}`);
    const digest = await crypto.subtle.digest(hash === "sha256" ? "SHA-256" : "SHA-512", message);
    const signed = join(
      new TextEncoder().encode("SSHSIG"),
      ...[
        new TextEncoder().encode(namespace),
        reserved,
        new TextEncoder().encode(hash),
        new Uint8Array(digest),
      ]
        .map(asString),
    );
    return await verify(key, signature, signed);
  } catch (error) {
    return bad((error as Error).message);
  }
}

function bad(detail: string): SignatureFinding {
  return { good: false, detail: `no signature of this receipt: ${detail}` };
}

async function verify(key: Bytes, signature: Bytes, signed: Bytes): Promise<SignatureFinding> {
  const [publicKey, made] = [new Reader(key), new Reader(signature)];
  const kind = publicKey.text();
  const [algorithm, bytes] = [made.text(), made.string()];
  const name = `${SHOWN[kind] ?? kind} key ${await fingerprint(key)}`;
  const check = CHECKS[kind];
  if (check === undefined) {
    return { detail: `signed with the ${name}; a browser can't check this kind of key` };
  }
  const good = await check({ publicKey, algorithm, bytes, signed });
  return good
    ? { good, detail: `signed with the ${name}, whosever it is` }
    : bad(`it is not by the ${name} that it names`);
}

/** As ssh-keygen shows them. */
const SHOWN: Record<string, string> = {
  "ssh-ed25519": "ED25519",
  "ssh-rsa": "RSA",
  "ecdsa-sha2-nistp256": "ECDSA",
  "ecdsa-sha2-nistp384": "ECDSA",
  "ecdsa-sha2-nistp521": "ECDSA",
};

interface Signature {
  publicKey: Reader;
  algorithm: string;
  bytes: Bytes;
  signed: Bytes;
}

const CHECKS: Record<string, (signature: Signature) => Promise<boolean>> = {
  "ssh-ed25519": async ({ publicKey, bytes, signed }) => {
    const key = await crypto.subtle.importKey("raw", publicKey.string(), "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", key, bytes, signed);
  },
  "ssh-rsa": async ({ publicKey, algorithm, bytes, signed }) => {
    const hash = { "rsa-sha2-256": "SHA-256", "rsa-sha2-512": "SHA-512" }[algorithm];
    if (hash === undefined) return false;
    const [e, n] = [publicKey.string(), publicKey.string()];
    const jwk = { kty: "RSA", n: base64url(withoutZeros(n)), e: base64url(withoutZeros(e)) };
    const scheme = { name: "RSASSA-PKCS1-v1_5", hash };
    const key = await crypto.subtle.importKey("jwk", jwk, scheme, false, ["verify"]);
    return await crypto.subtle.verify(scheme, key, bytes, signed);
  },
  "ecdsa-sha2-nistp256": ecdsa("P-256", "SHA-256", 32),
  "ecdsa-sha2-nistp384": ecdsa("P-384", "SHA-384", 48),
  "ecdsa-sha2-nistp521": ecdsa("P-521", "SHA-512", 66),
};

function ecdsa(namedCurve: string, hash: string, size: number) {
  return async ({ publicKey, bytes, signed }: Signature) => {
    publicKey.string(); // the curve again
    const scheme = { name: "ECDSA", namedCurve, hash };
    const key = await crypto.subtle.importKey("raw", publicKey.string(), scheme, false, ["verify"]);
    const numbers = new Reader(bytes);
    const [r, s] = [numbers.string(), numbers.string()].map((one) => padded(withoutZeros(one), size)) as [
      Bytes,
      Bytes,
    ];
    return await crypto.subtle.verify(scheme, key, join(r, s), signed);
  };
}

async function fingerprint(key: Bytes): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", key));
  return `SHA256:${btoa(String.fromCharCode(...digest)).replace(/=+$/, "")}`;
}

function bytesOf(base64: string): Bytes {
  return Uint8Array.from(atob(base64.replace(/\s+/g, "")), (letter) => letter.charCodeAt(0));
}

function base64url(bytes: Bytes): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function withoutZeros(number: Bytes): Bytes {
  const first = number.findIndex((byte) => byte !== 0);
  return first < 0 ? number.slice(0, 0) : number.slice(first);
}

function padded(number: Bytes, size: number): Bytes {
  return join(new Uint8Array(Math.max(0, size - number.length)), number);
}

/** A length of four bytes and the bytes: SSH's string. */
function asString(bytes: Uint8Array): Bytes {
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, bytes.length);
  return join(length, bytes);
}

function join(...parts: Uint8Array[]): Bytes {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
