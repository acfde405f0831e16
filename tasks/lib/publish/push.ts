/** `docker push`: the digest that it brings, and what its failures mean. */

import { Failure } from "../cli/failure.ts";
import { client, lastLine } from "../container/client.ts";
import { scrubbed } from "../record/code.ts";

/**
 * Pushes an image to the registry that its name says.
 *
 * @returns digest of the registry, `sha256:…`, by which anyone gets this very image
 * @throws Failure(3) with the remedy, if the registry can't be reached or refuses
 */
export async function pushImage(
  tag: string,
  { progress, signal }: { progress: (line: string) => void; signal: AbortSignal },
): Promise<string> {
  const { code, stdout, stderr } = await client("docker", ["push", tag], { onLine: progress, signal });
  signal.throwIfAborted();
  const digest = /digest: (sha256:[0-9a-f]{64})/.exec(stdout)?.[1];
  if (code === 0 && digest !== undefined) return digest;
  throw explainPush(tag, lastLine(stderr) || lastLine(stdout));
}

/** Host of the registry as it is written in an image's name; `undefined` for Docker Hub. */
export function registryOf(tag: string): string | undefined {
  const first = tag.split("/")[0]!;
  return tag.includes("/") && (/[.:]/.test(first) || first === "localhost") ? first : undefined;
}

const PROBLEMS: [
  pattern: RegExp,
  what: string,
  remedy: (registry: string | undefined, tag: string) => string,
][] = [
  [
    /denied|unauthorized|authentication required|no basic auth|insufficient.?scope|forbidden/i,
    "does not let you push there",
    (registry, tag) =>
      `docker login${registry === undefined ? "" : ` ${registry}`}, with an account that may write to ${tag}`,
  ],
  [
    /x509|certificate|tls:|HTTP response to HTTPS/i,
    "can't be trusted",
    (registry) =>
      `Put the certificate of its authority into /etc/docker/certs.d/${registry ?? "HOST"}/ca.crt; ` +
      "a registry without TLS must be named in insecure-registries of the engine's settings",
  ],
  [
    /refused|no such host|timeout|timed out|unreachable|EOF|reset by peer|server misbehaving|no route/i,
    "does not answer",
    (registry) =>
      `Check the name ${
        registry ?? "of the image"
      }, the network and its proxy, then publish again: what is ` +
      "built or pushed already is not done twice",
  ],
  [
    /too ?many ?requests|rate limit/i,
    "wants fewer requests",
    () => "Wait a while, then publish again",
  ],
];

/** @param said what Docker gives as the reason */
export function explainPush(tag: string, said: string): Failure {
  const registry = registryOf(tag);
  const clean = scrubbed(said);
  const [, what, remedy] = PROBLEMS.find(([pattern]) => pattern.test(said)) ?? [];
  const where = registry ?? "Docker Hub";
  return new Failure(
    3,
    `Cannot push ${tag}: ${where} ${what ?? "did not take it"} (${clean || "no reason given"})`,
    {
      remedy: remedy?.(registry, tag) ?? `docker push ${tag} shows the whole conversation`,
    },
  );
}
