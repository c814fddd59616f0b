import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { type CommandResult, runCommand } from './command.ts';
import { SluiceProcess, type Surroundings, sluiceArguments } from './sluice-process.ts';

/** A proxy that runs from a file in a folder of its own, with its admin socket beside it. */
export class ReloadableProxy {
  readonly folder: string;
  readonly sluice: SluiceProcess;

  private constructor(folder: string, sluice: SluiceProcess) {
    this.folder = folder;
    this.sluice = sluice;
  }

  static async start(
    config: object,
    flags: readonly string[] = [],
    main: readonly string[] = sluiceArguments,
  ): Promise<ReloadableProxy> {
    const proxy = await ReloadableProxy.begin(config, flags, main);
    await proxy.sluice.logged('serving');
    return proxy;
  }

  /** One that may not serve yet; `main` as `sluiceArguments`. */
  static async begin(
    config: object,
    flags: readonly string[] = [],
    main?: readonly string[],
    surroundings?: Surroundings,
  ): Promise<ReloadableProxy> {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-reload-'));
    const file = await writeConfig(folder, config);
    const args = ['run', '-c', file, '--admin', `unix:${folder}/admin.sock`, ...flags];
    return new ReloadableProxy(folder, SluiceProcess.start(args, undefined, main, surroundings));
  }

  get file(): string {
    return join(this.folder, 'sluice.json');
  }

  async write(config: object): Promise<void> {
    await writeConfig(this.folder, config);
  }

  /** Writes the file and has it read: what changed, or what is wrong with it. */
  async reload(config: object): Promise<readonly string[]> {
    await this.write(config);
    return this.post();
  }

  /** `POST /reload`. */
  async post(): Promise<readonly string[]> {
    const answer = JSON.parse(await this.ask('POST', '/reload'));
    return answer.changes ?? answer.problems;
  }

  /** `sluice COMMAND`. */
  command(name = 'reload'): Promise<CommandResult> {
    const args = [...sluiceArguments, name, '--admin', `unix:${this.folder}/admin.sock`];
    return runCommand(process.execPath, args);
  }

  ask(method: 'GET' | 'POST', path: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const asked = request({ socketPath: join(this.folder, 'admin.sock'), method, path, agent: false });
      asked.once('error', reject);
      asked.once('response', (response) => text(response).then(resolve, reject));
      asked.end();
    });
  }

  async end(): Promise<void> {
    await this.sluice.end();
    await rm(this.folder, { recursive: true });
  }
}

async function writeConfig(folder: string, config: object): Promise<string> {
  const file = join(folder, 'sluice.json');
  await writeFile(file, JSON.stringify(config, undefined, 1));
  return file;
}
