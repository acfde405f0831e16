/** Private certificate authorities that the environment names, as pip, curl and Deno read them. */

import { join } from "node:path";
import { Failure } from "../../cli/failure.ts";

/** Each names a file of certificates in PEM, or a folder of such files. */
export const CERTIFICATE_VARIABLES = [
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "REQUESTS_CA_BUNDLE",
  "CURL_CA_BUNDLE",
  "PIP_CERT",
  "DENO_CERT",
];

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * The certificates as PEM, each once. They are trusted besides the public authorities that Deno knows.
 *
 * @throws Failure(2) if a variable names what can't be read or holds no certificate
 */
export async function certificatesOf(env: Record<string, string>): Promise<string[]> {
  const found = new Set<string>();
  for (const variable of CERTIFICATE_VARIABLES) {
    for (const path of placesIn(variable, env[variable] ?? "")) {
      for (const certificate of await certificatesAt(variable, path)) found.add(certificate);
    }
  }
  return [...found];
}

/** OpenSSL takes several folders. */
function placesIn(variable: string, value: string): string[] {
  return (variable === "SSL_CERT_DIR" ? value.split(":") : [value]).filter((path) => path !== "");
}

async function certificatesAt(variable: string, path: string): Promise<string[]> {
  try {
    if (!(await Deno.stat(path)).isDirectory) {
      const certificates = (await Deno.readTextFile(path)).match(PEM);
      if (certificates === null) throw new Error("it holds none in PEM");
      return certificates;
    }
    const names = (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name).sort();
    const texts = await Promise.all(
      names.map((name) => Deno.readTextFile(join(path, name)).catch(() => "")),
    );
    return texts.flatMap((text) => text.match(PEM) ?? []);
  } catch (error) {
    throw new Failure(
      2,
      `Cannot read the certificates that ${variable} names: ${
        (error as Error).message
      }, current value is "${path}"`,
    );
  }
}
