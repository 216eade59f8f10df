// SPDX-License-Identifier: Apache-2.0
// MAC addresses as numbers of 48 bits: cheap to compare.

export function macNumber(mac: string): number {
  return parseInt(mac.replaceAll(':', ''), 16);
}

export function macText(mac: number): string {
  const digits = mac.toString(16).padStart(12, '0');
  return digits.replace(/..(?!$)/g, '$&:');
}

export function isGroupMac(mac: number): boolean {
  return (Math.floor(mac / 2 ** 40) & 1) === 1;
}
