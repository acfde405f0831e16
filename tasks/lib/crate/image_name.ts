/** Registry, name and tag of an image's name. */
export interface ImageParts {
  registry: string;
  name: string;
  tag: string;
}

/**
 * Takes an image's name apart as Docker does: a first part with a dot, a colon or `localhost` is a registry.
 *
 * @param published the image came from a registry; one that was built here is at `localhost`
 */
export function imageParts(image: string, published: boolean): ImageParts {
  const [reference] = image.split("@");
  const parts = reference!.split("/");
  const isRegistry = parts.length > 1 && /[.:]|^localhost$/.test(parts[0]!);
  const registry = isRegistry ? parts.shift()! : published ? "docker.io" : "localhost";
  const [last, tag = "latest"] = parts.pop()!.split(":");
  return { registry, name: [...parts, last].join("/"), tag };
}
