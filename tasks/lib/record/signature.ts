/** A receipt's signature, made and checked by the user's own ssh-keygen: no key is ever read here. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { run, runInTerminal } from "../system/command.ts";
import { exists, writeAtomic } from "../system/files.ts";
import { Folder, readRegularText, readTextIfThere } from "../system/regular_file.ts";
import { canonicalJson } from "./canonical_json.ts";
import { makeEnvelope, signedBytes } from "./in_toto.ts";
import { type ParsedReceipt, parseReceipt, RECEIPT, SIGNATURE } from "./receipt.ts";

/** How a receipt is read: of a run, or of a sweep. @throws Failure(1) if it was altered */
export type ParseReceipt = (
  text: string,
  path: string,
) => Promise<Pick<ParsedReceipt, "text" | "sig"> & { stated: { schema: number } }>;

/** What the signature is for, so that it can't be taken for one under something else (PROTOCOL.sshsig). */
export const NAMESPACE = "receipt@deno-task-reproduce";

/** What ssh-keygen says of a receipt's signature. */
export interface SignatureCheck {
  /** Is there a signature at all? */
  signed: boolean;
  /** It is one of this receipt, and by an allowed signer if those were named. */
  good: boolean;
  /** E.g. `signed by alice@example.org (ED25519 SHA256:…)`. */
  detail: string;
}

/**
 * Signs a receipt. ssh-keygen asks for the passphrase itself, or has an agent sign if it is given a public key.
 *
 * @param key file of a private key, or of the public key of one that an agent holds
 * @throws Failure(2) if there is no such key or it does not sign, Failure(3) without ssh-keygen.
 */
export async function signReceipt(directory: string, key: string, parse: ParseReceipt = parseReceipt) {
  if (!await exists(key)) throw new Failure(2, `Cannot sign the receipt: there is no key ${key}`);
  const path = join(directory, RECEIPT);
  const { stated, text } = await parse(await readRegularText(path), path);
  const isFirst = stated.schema === 1;
  const folder = await Deno.makeTempDir({ prefix: "receipt-" });
  try {
    const file = join(folder, RECEIPT);
    await Deno.writeFile(file, isFirst ? new TextEncoder().encode(text) : signedBytes(text));
    const code = await runInTerminal(["ssh-keygen", "-Y", "sign", "-q", "-f", key, "-n", NAMESPACE, file]);
    const signature = await Deno.readTextFile(`${file}.sig`).catch(() => undefined);
    if (code !== 0 || signature === undefined) throw notSigned(code, key);
    if (!isFirst) {
      const envelope = makeEnvelope(text, await fingerprint(key), blobOf(signature));
      await writeAtomic(path, canonicalJson(envelope));
    }
    await writeAtomic(join(directory, SIGNATURE), signature);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function notSigned(code: number, key: string): Failure {
  return new Failure(
    2,
    `Cannot sign the receipt: ssh-keygen ended with exit code ${code} on the key ${key}`,
    {
      remedy: `Give the file of an SSH key, or add it to your agent with "ssh-add" and give its .pub file`,
    },
  );
}

/** `SHA256:…`; empty where ssh-keygen does not tell. */
async function fingerprint(key: string): Promise<string> {
  const { stdout } = await run(["ssh-keygen", "-l", "-f", key]);
  return /SHA256:\S+/.exec(stdout)?.[0] ?? "";
}

/** What stands between the lines that ssh-keygen puts around it. */
function blobOf(signature: string): string {
  return signature.replace(/-----(?:BEGIN|END) SSH SIGNATURE-----/g, "").replace(/\s/g, "");
}

/**
 * Checks a receipt's signature.
 *
 * @param allowedSigners file in the format of ssh-keygen(1), ALLOWED SIGNERS; without it any key will do
 * @throws Failure(2) if there is no such file, Failure(3) without an ssh-keygen that checks signatures.
 */
export async function checkSignature(
  directory: string,
  allowedSigners?: string,
  parse: ParseReceipt = parseReceipt,
): Promise<SignatureCheck> {
  if (allowedSigners !== undefined && !await exists(allowedSigners)) {
    throw new Failure(2, `Cannot check who signed: there is no file ${allowedSigners}`);
  }
  const found = await readSigned(directory, parse);
  if (found === undefined) {
    return { signed: false, good: allowedSigners === undefined, detail: "not signed" };
  }
  if (found.problem !== undefined) return bad(`no signature of this receipt: ${found.problem}`);
  return allowedSigners === undefined
    ? await checkKey(directory, found.signed)
    : await checkSigner(directory, found.signed, allowedSigners);
}

/**
 * A receipt's signature and what it is over; undefined if there is none.
 *
 * @throws as `parseReceipt`
 */
export async function readSigned(
  directory: string,
  parse: ParseReceipt = parseReceipt,
): Promise<{ signed: Signed; signature: string; problem?: string } | undefined> {
  if (!await exists(join(directory, SIGNATURE))) return undefined;
  const within = new Folder(directory);
  const [receipt = "", signature = ""] = await Promise.all(
    [RECEIPT, SIGNATURE].map((file) => readRegularText(join(directory, file), { within })),
  );
  const { text, stated, sig } = await parse(receipt, join(directory, RECEIPT));
  if (stated.schema === 1) return { signed: new TextEncoder().encode(text), signature };
  const isOther = sig !== blobOf(signature);
  const problem = isOther ? `${RECEIPT} and ${SIGNATURE} hold different ones` : undefined;
  return { signed: signedBytes(text), signature, problem };
}

/**
 * The same of an envelope alone: it holds the signature, too, so that a receipt can be handed on as one file.
 *
 * @throws as `parseReceipt`
 */
export async function readEnvelope(
  directory: string,
): Promise<{ signed: Signed; signature: string } | undefined> {
  const path = join(directory, RECEIPT);
  const receipt = await readTextIfThere(path, { within: new Folder(directory) });
  if (receipt === undefined) return undefined;
  const { text, sig } = await parseReceipt(receipt, path);
  return sig === undefined ? undefined : { signed: signedBytes(text), signature: armored(sig) };
}

/** As ssh-keygen writes what {@link blobOf} takes out of it. */
function armored(blob: string): string {
  return `-----BEGIN SSH SIGNATURE-----\n${blob}\n-----END SSH SIGNATURE-----\n`;
}

/** Whether the signature is one of this receipt, by whatever key. */
async function checkKey(directory: string, signed: Signed): Promise<SignatureCheck> {
  const { code, stdout } = await verify(directory, signed, ["check-novalidate"]);
  const key = /with (.+) key (SHA256:\S+)/.exec(stdout);
  return code === 0
    ? { signed: true, good: true, detail: `signed with the ${key?.[1]} key ${key?.[2]}, whosever it is` }
    : bad("no signature of this receipt");
}

async function checkSigner(directory: string, signed: Signed, signers: string): Promise<SignatureCheck> {
  const found = await run([
    ...["ssh-keygen", "-Y", "find-principals", "-f", signers],
    ...["-s", join(directory, SIGNATURE)],
  ]);
  const [signer] = found.stdout.trim().split("\n");
  if (found.code !== 0 || !signer) {
    const { good, detail } = await checkKey(directory, signed);
    return bad(good ? `${detail}: ${signers} does not list it` : detail);
  }
  const { code, stdout } = await verify(directory, signed, ["verify", "-f", signers, "-I", signer]);
  const key = /with (.+) key (SHA256:\S+)/.exec(stdout);
  return code === 0
    ? { signed: true, good: true, detail: `signed by ${signer} (${key?.[1]} ${key?.[2]})` }
    : bad(`no signature of this receipt by ${signer}`);
}

function bad(detail: string): SignatureCheck {
  return { signed: true, good: false, detail };
}

/** What the signature is over. */
type Signed = Uint8Array<ArrayBuffer>;

async function verify(directory: string, input: Signed, action: string[]) {
  const [name, ...options] = action;
  return await run([
    ...["ssh-keygen", "-Y", name!, ...options],
    ...["-n", NAMESPACE, "-s", join(directory, SIGNATURE)],
  ], { input });
}
