/**
 * A Slurm of this machine: one controller, three nodes, accounting in MariaDB; all of it ends with the test.
 *
 * By itself it runs a command that finds such a Slurm: `deno run -A test/support/slurm.ts COMMAND …`
 */

import { join } from "node:path";
import { call } from "./engines.ts";
import { type Ended, until } from "./project.ts";

const DAEMONS = ["munged", "slurmctld", "slurmd"];

/** What a machine lacks to have a Slurm of its own; undefined where nothing is missing. */
export async function slurmMissing(): Promise<string | undefined> {
  if (Deno.uid() !== 0) return "only root can start Slurm's daemons";
  for (const name of DAEMONS) {
    if ((await call(["sh", "-c", `command -v ${name}`])).code !== 0) return `${name} is not installed`;
  }
  return undefined;
}

export interface SlurmOptions {
  /** Lines that are added to slurm.conf. */
  conf?: string[];
  /** With slurmdbd, so that `sacct` answers. */
  accounting?: boolean;
  /** Made device files that stand for GPUs, on each node. */
  gpus?: number;
  /** Memory limits are held by cgroups, where the machine allows it. */
  cgroups?: boolean;
}

/** Whether this machine lets Slurm make groups of processes with a memory limit (cgroups of the first version). */
export async function hasMemoryGroups(): Promise<boolean> {
  const group = `/sys/fs/cgroup/memory/slurm-test-${Deno.pid}`;
  const made = await call(["sh", "-c", 'mkdir "$0" && test -e "$0/memory.limit_in_bytes"', group]);
  await call(["rmdir", group]);
  return made.code === 0;
}

/** Names of the nodes. */
export const NODES = ["n1", "n2", "n3"];

export class Slurm implements AsyncDisposable {
  readonly folder: string;
  readonly #processes = new Map<string, Deno.ChildProcess>();

  private constructor(folder: string, readonly options: SlurmOptions) {
    this.folder = folder;
  }

  /** For the commands of Slurm, and for what calls them. */
  get env(): Record<string, string> {
    return { SLURM_CONF: join(this.folder, "slurm.conf") };
  }

  static async start(options: SlurmOptions = {}): Promise<Slurm> {
    // Short: the path of a socket has at most 107 characters.
    const slurm = new Slurm(await Deno.makeTempDir({ dir: "/tmp", prefix: "slurm-" }), options);
    try {
      await slurm.#configure();
      await slurm.#startAll();
    } catch (error) {
      await slurm[Symbol.asyncDispose]();
      throw error;
    }
    return slurm;
  }

  async #configure() {
    const { folder, options } = this;
    await Deno.chmod(folder, 0o755);
    const [controller, accounting, ...ports] = freePorts(2 + NODES.length);
    for (const name of ["state", ...NODES]) await Deno.mkdir(join(folder, name));
    const nodes = NODES.map((name, index) =>
      `NodeName=${name} NodeHostname=localhost NodeAddr=127.0.0.1 Port=${
        ports[index]
      } CPUs=4 RealMemory=2000` +
      (options.gpus === undefined ? "" : ` Gres=gpu:${options.gpus}`)
    );
    const conf = [
      "ClusterName=test",
      "SlurmctldHost=localhost(127.0.0.1)",
      `SlurmctldPort=${controller}`,
      "SlurmUser=root",
      `AuthInfo=socket=${join(folder, "munge.socket")}`,
      `StateSaveLocation=${join(folder, "state")}`,
      `SlurmdSpoolDir=${join(folder, "%n")}`,
      `SlurmctldPidFile=${join(folder, "slurmctld.pid")}`,
      `SlurmdPidFile=${join(folder, "slurmd-%n.pid")}`,
      `SlurmctldLogFile=${join(folder, "slurmctld.log")}`,
      `SlurmdLogFile=${join(folder, "slurmd-%n.log")}`,
      ...["ProctrackType=proctrack/linuxproc", "SelectType=select/cons_tres"],
      `TaskPlugin=task/${options.cgroups ? "cgroup" : "none"}`,
      ...["SelectTypeParameters=CR_Core_Memory", "SchedulerType=sched/backfill", "MpiDefault=none"],
      // Seconds, where a cluster has minutes: a test waits for each of them.
      ...["SlurmdTimeout=5", "KillWait=5", "MinJobAge=300", "InactiveLimit=0", "ReturnToService=2"],
      ...[
        "SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=1,requeue_delay=1",
        "JobRequeue=1",
      ],
      ...[
        "SwitchType=switch/none",
        "SlurmdParameters=config_overrides",
        "MaxArraySize=1001",
        "DefMemPerCPU=100",
        "SlurmctldDebug=info",
      ],
      ...(options.gpus === undefined ? [] : ["GresTypes=gpu"]),
      ...(options.accounting
        ? [
          "AccountingStorageType=accounting_storage/slurmdbd",
          "AccountingStorageHost=127.0.0.1",
          `AccountingStoragePort=${accounting}`,
          `AccountingStoragePass=${join(folder, "munge.socket")}`,
          "JobAcctGatherType=jobacct_gather/linux",
        ]
        : ["AccountingStorageType=accounting_storage/none", "JobAcctGatherType=jobacct_gather/none"]),
      ...(options.conf ?? []),
      ...nodes,
      `PartitionName=main Nodes=${NODES.join(",")} Default=YES MaxTime=INFINITE State=UP`,
    ];
    await Deno.writeTextFile(join(folder, "slurm.conf"), conf.join("\n") + "\n");
    // A machine inside another may have no cgroups to give away.
    const groups = [
      "CgroupPlugin=cgroup/v1",
      "ConstrainRAMSpace=yes",
      "ConstrainSwapSpace=yes",
      "AllowedSwapSpace=0",
    ];
    await Deno.writeTextFile(
      join(folder, "cgroup.conf"),
      ["CgroupAutomount=no", ...(options.cgroups ? groups : []), ""].join("\n"),
    );
    if (options.gpus !== undefined) await this.#makeGpus(options.gpus);
    const key = join(folder, "munge.key");
    await Deno.writeFile(key, crypto.getRandomValues(new Uint8Array(1024)), { mode: 0o400 });
    if (options.accounting) await this.#configureAccounting(accounting!);
  }

  /** Devices that swallow what is written: Slurm counts them and deals them out. */
  async #makeGpus(count: number) {
    const files = Array.from({ length: count }, (_, index) => join(this.folder, `gpu${index}`));
    for (const file of files) await must(["mknod", file, "c", "1", "3"]);
    await Deno.writeTextFile(
      join(this.folder, "gres.conf"),
      files.map((file) => `Name=gpu File=${file}\n`).join(""),
    );
  }

  async #configureAccounting(port: number) {
    const { folder } = this;
    const database = join(folder, "database");
    const install = ["mariadb-install-db", "--no-defaults", "--user=root", `--datadir=${database}`];
    await must([...install, "--auth-root-authentication-method=normal", "--skip-test-db"]);
    await Deno.writeTextFile(
      join(folder, "slurmdbd.conf"),
      [
        "AuthType=auth/munge",
        `AuthInfo=socket=${join(folder, "munge.socket")}`,
        "DbdHost=localhost",
        "DbdAddr=127.0.0.1",
        `DbdPort=${port}`,
        "SlurmUser=root",
        `LogFile=${join(folder, "slurmdbd.log")}`,
        `PidFile=${join(folder, "slurmdbd.pid")}`,
        "StorageType=accounting_storage/mysql",
        "StorageHost=localhost",
        "StorageUser=root",
        "StorageLoc=slurm",
        "",
      ].join("\n"),
      { mode: 0o600 },
    );
  }

  async #startAll() {
    const { folder, options } = this;
    const file = (name: string) => join(folder, name);
    const munged = ["munged", "--foreground", "--force", `--key-file=${file("munge.key")}`];
    this.#spawn("munged", [
      ...[...munged, `--socket=${file("munge.socket")}`, `--pid-file=${file("munged.pid")}`],
      ...[`--log-file=${file("munged.log")}`, `--seed-file=${file("munged.seed")}`],
    ]);
    await until("munged listens", async () => await exists(file("munge.socket")));
    if (options.accounting) await this.#startAccounting();
    this.startController();
    for (const name of NODES) this.startNode(name);
    await until("all nodes are idle", async () => {
      const { stdout } = await this.call(["sinfo", "--noheader", "--format=%T %D"]);
      return stdout.trim() === `idle ${NODES.length}`;
    });
  }

  async #startAccounting() {
    const socket = join(this.folder, "database.socket");
    this.#spawn("mariadbd", [
      ...["mariadbd", "--no-defaults", "--user=root", `--datadir=${join(this.folder, "database")}`],
      ...[`--socket=${socket}`, "--skip-networking", `--pid-file=${join(this.folder, "database.pid")}`],
      ...["--innodb-buffer-pool-size=64M", "--innodb-lock-wait-timeout=900"],
    ]);
    await until("the database answers", async () => {
      return (await call(["mariadb", `--socket=${socket}`, "-e", "select 1"])).code === 0;
    });
    // libmariadb takes the socket's path from this variable where the host is localhost.
    this.#spawn("slurmdbd", ["slurmdbd", "-D"], {
      SLURM_CONF: join(this.folder, "slurmdbd.conf"),
      MYSQL_UNIX_PORT: socket,
    });
    await until("the accounting answers", async () => {
      return (await this.call(["sacctmgr", "-n", "show", "cluster"])).code === 0;
    });
    await this.call(["sacctmgr", "-i", "add", "cluster", "test"]);
  }

  startController() {
    this.#spawn("slurmctld", ["slurmctld", "-D", "-f", this.env.SLURM_CONF!]);
  }

  startNode(name: string) {
    this.#spawn(name, ["slurmd", "-D", "-N", name, "-f", this.env.SLURM_CONF!]);
  }

  #spawn(name: string, argv: string[], env: Record<string, string> = {}) {
    const process = new Deno.Command(argv[0]!, {
      args: argv.slice(1),
      env: { ...this.env, ...env },
      ...{ stdin: "null", stdout: "null", stderr: "null" },
    }).spawn();
    this.#processes.set(name, process);
  }

  /** Ends a daemon at once, as a crash does; with a node's, all that runs there. */
  async kill(name: string) {
    const process = this.#processes.get(name);
    if (process === undefined) return;
    this.#processes.delete(name);
    const group = NODES.includes(name) ? await jobProcesses(name, this.env.SLURM_CONF!) : [];
    for (const pid of [process.pid, ...group]) {
      try {
        Deno.kill(pid, "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
    await process.status;
  }

  /** Ends a daemon as an administrator does, with its state saved. */
  async stop(name: string) {
    const process = this.#processes.get(name)!;
    this.#processes.delete(name);
    Deno.kill(process.pid, "SIGTERM");
    await process.status;
  }

  async call(argv: string[]): Promise<Ended> {
    return await call(argv, this.env);
  }

  async [Symbol.asyncDispose]() {
    await this.call(["scancel", "--user=root", "--quiet"]).catch(() => {});
    for (const name of [...this.#processes.keys()].reverse()) await this.kill(name);
    if (this.options.cgroups) {
      const groups = NODES.map((name) => `/sys/fs/cgroup/memory/slurm_${name}`);
      await call(["find", ...groups, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"]);
    }
    await Deno.remove(this.folder, { recursive: true }).catch(() => {});
  }
}

function freePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  const ports = listeners.map(({ addr }) => (addr as Deno.NetAddr).port);
  listeners.forEach((one) => one.close());
  return ports;
}

/** Processes of the jobs on a node, those first that watch over them: they would report the others' end. */
async function jobProcesses(node: string, conf: string): Promise<number[]> {
  const having = async (variable: string) => {
    const found = await call(["sh", "-c", 'grep -lzx -- "$0" /proc/[0-9]*/environ 2>/dev/null', variable]);
    return found.stdout.match(/\d+/g)?.map(Number) ?? [];
  };
  const there = new Set(await having(`SLURM_CONF=${conf}`));
  const jobs = (await having(`SLURMD_NODENAME=${node}`)).filter((pid) => there.has(pid));
  const { stdout } = await call(["ps", "-e", "-o", "pid=,ppid=,comm="]);
  const processes = stdout.trim().split("\n").map((line) => line.trim().split(/\s+/));
  const parents = new Set(
    processes.filter(([pid]) => jobs.includes(Number(pid))).map(([, parent]) => Number(parent)),
  );
  const watchers = processes.filter(([pid, , name]) =>
    parents.has(Number(pid)) && name!.startsWith("slurmstepd")
  );
  return [...watchers.map(([pid]) => Number(pid)), ...jobs];
}

async function must(argv: string[]) {
  const { code, stderr } = await call(argv);
  if (code !== 0) throw new Error(`${argv[0]} failed: ${stderr}`);
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

if (import.meta.main) {
  await using slurm = await Slurm.start({ accounting: true });
  const [command, ...args] = Deno.args;
  const { code } = await new Deno.Command(command!, { args, env: slurm.env }).spawn().status;
  Deno.exitCode = code;
}
