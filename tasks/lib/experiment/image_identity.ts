/** What tells one container image from another. An engine's own id does not: it names an image on that engine only. */

/** How an image is known, by as many of these as were there to see. */
export interface ImageIdentity {
  /**
   * The engine's own name for it: the digest of its configuration with Docker's older image store and Podman, of its
   * manifest or index with Docker's containerd image store.
   */
  id?: string;
  /** Digest of its configuration: the same after a pull or a load. Absent where the engine does not show it. */
  config?: string;
  /** Its layers, uncompressed, as the chain id of the OCI image specification: the same on every engine. */
  layers?: string;
  /** SHA-256 of what its configuration gives to a step: variables, entry point, user, folder. Layers have none of it. */
  settings?: string;
  /** Digest of the manifest or index by which a registry has it: only of an image that came from one or was pushed. */
  digest?: string;
}

/**
 * Whether two images are the same by what identifies their content on any engine; undefined where nothing is known of
 * both. Records from before layers were recorded, and SIF files, have ids alone.
 */
export function isSameImage(a: ImageIdentity, b: ImageIdentity): boolean | undefined {
  // A digest is proof wherever it is met: an engine may show a registry's digest as its own id.
  if (a.digest !== undefined && [b.digest, b.id].includes(a.digest)) return true;
  if (b.digest !== undefined && b.digest === a.id) return true;
  for (const key of ["config", "layers", "digest", "id"] as const) {
    if (a[key] === undefined || b[key] === undefined) continue;
    const isOther = key === "layers" && a.settings !== undefined && b.settings !== undefined &&
      a.settings !== b.settings;
    return a[key] === b[key] && !isOther;
  }
  return undefined;
}

/**
 * An image by its content, for what is compared as one text: the same where it was loaded, pulled or built again. Its
 * layers stand for it, with its settings, where the engine hides the configuration's digest, and its id only where
 * nothing else is known.
 */
export function contentOf({ config, layers, settings, id }: ImageIdentity): string | undefined {
  return config ?? (layers && settings ? `${layers} ${settings}` : layers) ?? id;
}

/** An image by the one value that says most to others, and what that value is: `registry digest sha256:…`. */
export function identityInWords({ digest, config, layers, id }: ImageIdentity): string {
  if (digest !== undefined) return `registry digest ${digest}`;
  if (config !== undefined) return `configuration ${config}`;
  if (layers !== undefined) return `layers ${layers}`;
  return `local id ${id}`;
}
