// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface MachineOptions {
  /** The directory that the disk was made from. */
  readonly root: string;
  readonly disk: string;
  /** How the version begins of the kernel to boot, one of those in the root. */
  readonly kernel: string;
  /** What QEMU runs the processor by: `tcg` everywhere, `kvm` where that works. */
  readonly accelerator: string;
  /** Where what the console shows is written to. */
  readonly console: string;
  readonly deadlineMs: number;
}

/** The version of the one kernel in the root that begins so. */
export function kernelVersion({ root, kernel }: Pick<MachineOptions, 'root' | 'kernel'>): string {
  const versions = readdirSync(join(root, 'boot'))
    .filter((name) => name.startsWith(`vmlinuz-${kernel}.`))
    .map((name) => name.replace('vmlinuz-', ''));
  const [version, ...others] = versions;
  if (version === undefined || others.length > 0)
    throw new Error(`kernels ${kernel} in ${root}: ${versions.join(', ') || 'none'}, not one`);
  return version;
}

/**
 * Boots the disk, and gives what the machine says on its second serial port, line by line, until it is
 * switched off. Writes to the disk are forgotten. Ends with this process, however that ends.
 */
export async function* boot(options: MachineOptions): AsyncGenerator<string> {
  const { root, disk, accelerator } = options;
  const version = kernelVersion(options);
  const argv = [
    ...['--pdeathsig', 'KILL', 'qemu-system-x86_64'],
    ...['-accel', accelerator, '-cpu', accelerator === 'kvm' ? 'host' : 'max'],
    ...['-smp', '2', '-m', '2048', '-display', 'none', '-monitor', 'none', '-nic', 'none'],
    ...['-kernel', join(root, 'boot', `vmlinuz-${version}`)],
    ...['-initrd', join(root, 'boot', `initrd.img-${version}`)],
    ...['-append', 'root=/dev/vda rw console=ttyS0 quiet panic=-1'],
    ...['-drive', `file=${disk},if=virtio,format=raw,snapshot=on`],
    ...['-serial', `file:${options.console}`, '-serial', 'stdio'],
  ];
  const qemu = spawn('setpriv', argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  let complaint = '';
  qemu.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  const ended = new Promise<string>((resolve) => {
    qemu.on('error', (error) => resolve(error.message));
    qemu.on('close', (code, signal) => resolve(signal ?? `status ${String(code)}`));
  });
  const deadline = setTimeout(() => qemu.kill('SIGKILL'), options.deadlineMs);
  try {
    for await (const line of createInterface({ input: qemu.stdout })) yield line.trim();
    const outcome = await ended;
    if (outcome !== 'status 0') throw new Error(`QEMU ended: ${outcome}: ${complaint.trim()}`);
  } finally {
    clearTimeout(deadline);
    qemu.kill('SIGKILL');
    await ended;
  }
}
