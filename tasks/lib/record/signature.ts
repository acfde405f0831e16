/** A receipt's signature, made and checked by the user's own ssh-keygen: no key is ever read here. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { run, runInTerminal } from "../system/command.ts";
import { exists } from "../system/files.ts";
import { checkRegular, Folder, LARGEST_FILE, readRegular } from "../system/regular_file.ts";
import { RECEIPT, SIGNATURE } from "./receipt.ts";

/** What the signature is for, so that it can't be taken for one under something else (PROTOCOL.sshsig). */
export const NAMESPACE = "receipt@deno-task-reproduce";

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
export async function signReceipt(directory: string, key: string) {
  if (!await exists(key)) throw new Failure(2, `Cannot sign the receipt: there is no key ${key}`);
  // It would ask whether to replace the file.
  await Deno.remove(join(directory, SIGNATURE)).catch(() => {});
  const argv = ["ssh-keygen", "-Y", "sign", "-q", "-f", key, "-n", NAMESPACE, join(directory, RECEIPT)];
  const code = await runInTerminal(argv);
  if (code === 0 && await exists(join(directory, SIGNATURE))) return;
  throw new Failure(2, `Cannot sign the receipt: ssh-keygen ended with exit code ${code} on the key ${key}`, {
    remedy: `Give the file of an SSH key, or add it to your agent with "ssh-add" and give its .pub file`,
  });
}

/**
 * Checks a receipt's signature.
 *
 * @param allowedSigners file in the format of ssh-keygen(1), ALLOWED SIGNERS; without it any key will do
 * @throws Failure(2) if there is no such file, Failure(3) without an ssh-keygen that checks signatures.
 */
export async function checkSignature(directory: string, allowedSigners?: string): Promise<SignatureCheck> {
  if (allowedSigners !== undefined && !await exists(allowedSigners)) {
    throw new Failure(2, `Cannot check who signed: there is no file ${allowedSigners}`);
  }
  if (!await exists(join(directory, SIGNATURE))) {
    return { signed: false, good: allowedSigners === undefined, detail: "not signed" };
  }
  const within = new Folder(directory);
  for (const file of [RECEIPT, SIGNATURE]) {
    checkRegular(join(directory, file), { within, most: LARGEST_FILE });
  }
  return allowedSigners === undefined
    ? await checkKey(directory)
    : await checkSigner(directory, allowedSigners);
}

/** Whether the signature is one of this receipt, by whatever key. */
async function checkKey(directory: string): Promise<SignatureCheck> {
  const { code, stdout } = await verify(directory, ["check-novalidate"]);
  const key = /with (.+) key (SHA256:\S+)/.exec(stdout);
  return code === 0
    ? { signed: true, good: true, detail: `signed with the ${key?.[1]} key ${key?.[2]}, whosever it is` }
    : bad("no signature of this receipt");
}

async function checkSigner(directory: string, signers: string): Promise<SignatureCheck> {
  const found = await run([
    ...["ssh-keygen", "-Y", "find-principals", "-f", signers],
    ...["-s", join(directory, SIGNATURE)],
  ]);
  const [signer] = found.stdout.trim().split("\n");
  if (found.code !== 0 || !signer) {
    const { good, detail } = await checkKey(directory);
    return bad(good ? `${detail}: ${signers} does not list it` : detail);
  }
  const { code, stdout } = await verify(directory, ["verify", "-f", signers, "-I", signer]);
  const key = /with (.+) key (SHA256:\S+)/.exec(stdout);
  return code === 0
    ? { signed: true, good: true, detail: `signed by ${signer} (${key?.[1]} ${key?.[2]})` }
    : bad(`no signature of this receipt by ${signer}`);
}

function bad(detail: string): SignatureCheck {
  return { signed: true, good: false, detail };
}

async function verify(directory: string, action: string[]) {
  const [name, ...options] = action;
  const input = await readRegular(join(directory, RECEIPT));
  return await run([
    ...["ssh-keygen", "-Y", name!, ...options],
    ...["-n", NAMESPACE, "-s", join(directory, SIGNATURE)],
  ], { input });
}
