// SPDX-License-Identifier: Apache-2.0
import { DistributordError } from '../errors.ts';

const form = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;

/**
 * A unicast MAC in lower case with colons, from that form in any case.
 * @throws INVALID_MAC naming `field`
 */
export function parseMac(text: string, field: string): string {
  const mac = text.toLowerCase();
  const fault = { field, value: text };
  if (!form.test(mac))
    throw new DistributordError('INVALID_MAC', `${field} is not a MAC address: ${text}`, fault);
  if (parseInt(mac.slice(0, 2), 16) & 1)
    throw new DistributordError('INVALID_MAC', `${field} is a group address: ${text}`, fault);
  if (mac === '00:00:00:00:00:00')
    throw new DistributordError('INVALID_MAC', `${field} is all zeros: ${text}`, fault);
  return mac;
}
