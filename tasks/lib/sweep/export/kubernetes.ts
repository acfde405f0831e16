/** A sweep as an Indexed Job of Kubernetes: one index for each member. Pure. */

import { GID, type HandedOver, RUNS, UID } from "./handed_over.ts";

/** Names become host names with the number of a member behind them: at most 63 characters. */
const LONGEST_NAME = 57;

/** Exit code of the tasks for a request that can't be met; a second try meets it no more. */
const WRONG_REQUEST = 2;

/** The objects to create: a claim for the runs, unless there is one, and the Job. */
export function kubernetesObjects(handed: HandedOver): unknown[] {
  const name = jobName(handed);
  const claim = handed.volume ?? name;
  const labels = {
    "app.kubernetes.io/name": nameOf(handed.experiment, LONGEST_NAME),
    "app.kubernetes.io/instance": name,
    "app.kubernetes.io/component": "sweep",
  };
  const job = {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name, labels },
    spec: {
      completionMode: "Indexed",
      completions: handed.members,
      parallelism: handed.jobs,
      // Of each member alone, so that one that fails takes no tries from the others.
      backoffLimitPerIndex: 2,
      podFailurePolicy: {
        rules: [
          // Preempted or drained: that is no try of its own.
          { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] },
          {
            action: "FailIndex",
            onExitCodes: { containerName: "member", operator: "In", values: [WRONG_REQUEST] },
          },
        ],
      },
      template: { metadata: { labels }, spec: podSpec(handed, claim) },
    },
  };
  return handed.volume === undefined ? [runsClaim(name, labels), job] : [job];
}

function podSpec({ image, command, gpus, accelerator, limits }: HandedOver, claim: string) {
  const sizes = {
    ...(limits.cpus !== undefined && { cpu: limits.cpus }),
    ...(limits.memory !== undefined && { memory: limits.memory }),
  };
  return {
    restartPolicy: "Never",
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    // For the record of what was interrupted.
    terminationGracePeriodSeconds: 60,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: UID,
      runAsGroup: GID,
      fsGroup: GID,
      fsGroupChangePolicy: "OnRootMismatch",
      seccompProfile: { type: "RuntimeDefault" },
    },
    ...(accelerator !== undefined && gpus > 0 &&
      { nodeSelector: { "nvidia.com/gpu.product": accelerator } }),
    containers: [{
      name: "member",
      image,
      // The image's entry point stays. Kubernetes itself puts the number in.
      args: [...command.slice(0, 2), "--member", "$(MEMBER)", ...command.slice(2).map(verbatim)],
      env: [{
        name: "MEMBER",
        valueFrom: {
          fieldRef: { fieldPath: "metadata.annotations['batch.kubernetes.io/job-completion-index']" },
        },
      }],
      resources: {
        ...(Object.keys(sizes).length > 0 && { requests: sizes }),
        limits: { ...sizes, ...(gpus > 0 && { "nvidia.com/gpu": gpus }) },
      },
      securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
      volumeMounts: [{ name: "runs", mountPath: RUNS }, { name: "shm", mountPath: "/dev/shm" }],
    }],
    volumes: [
      { name: "runs", persistentVolumeClaim: { claimName: claim } },
      // Kubernetes gives 64 MiB, on which the workers of a DataLoader die.
      { name: "shm", emptyDir: { medium: "Memory", sizeLimit: limits.shmSize } },
    ],
  };
}

/** Kubernetes puts variables into `$(NAME)`, unless it is escaped. */
function verbatim(word: string): string {
  return word.replaceAll("$(", "$$$$(");
}

function runsClaim(name: string, labels: Record<string, string>) {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name, labels },
    spec: { accessModes: ["ReadWriteMany"], resources: { requests: { storage: "50Gi" } } },
  };
}

/** E.g. `digits-resnet-20261128t072241z-3f9a`. */
export function jobName({ experiment, sweep }: Pick<HandedOver, "experiment" | "sweep">): string {
  const id = sweep.toLowerCase();
  return `${nameOf(experiment, LONGEST_NAME - id.length - 1)}-${id}`;
}

/** A name as DNS allows it. */
function nameOf(text: string, longest: number): string {
  const name = text.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+/, "").slice(0, longest);
  return name.replace(/-+$/, "") || "experiment";
}
