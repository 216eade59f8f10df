// SPDX-License-Identifier: Apache-2.0
import { DistributordError } from '../errors.ts';
import type { Distributor } from '../model/distributor.ts';
import { vipKey } from '../model/vip.ts';
import { DocumentError, readDocument } from './distributor-document.ts';

/** Reads the distributors of a state one by one: each sound, and no two with the same. */
export class StateReader {
  readonly #distributors: Distributor[] = [];
  /** Where in the state what only one can have is. */
  readonly #holders = new Map<string, string>();

  get distributors(): readonly Distributor[] {
    return this.#distributors;
  }

  /** @throws INVALID_STATE naming the field by its path, as `distributors[3].vips[0].address` */
  add(document: string): void {
    const place = `distributors[${this.#distributors.length}]`;
    const distributor = this.#read(document, place);
    const { id, loadBalancer, vips, amphorae } = distributor;
    this.#claim(`distributor ${id}`, { field: `${place}.id`, value: id });
    const field = `${place}.loadBalancer.id`;
    this.#claim(`load balancer ${loadBalancer.id}`, { field, value: loadBalancer.id });
    vips.forEach((vip, index) =>
      this.#claim(`VIP ${vipKey(vip)}`, {
        field: `${place}.vips[${index}].address`,
        value: vip.address,
      }),
    );
    amphorae.forEach((amphora, index) =>
      this.#claim(`amphora ${amphora.id}`, {
        field: `${place}.amphorae[${index}].id`,
        value: amphora.id,
      }),
    );
    this.#distributors.push(distributor);
  }

  #read(document: string, place: string): Distributor {
    try {
      return readDocument(document);
    } catch (error) {
      const [problem] = error instanceof DocumentError ? error.problems : [];
      if (problem === undefined) throw error;
      const { path, message, value } = problem;
      const separator = path === '' || path.startsWith('[') ? '' : '.';
      const field = `${place}${separator}${path}`;
      const held = value === '' ? '' : `: ${value}`;
      throw new DistributordError('INVALID_STATE', `${field} ${message}${held}`, { field, value });
    }
  }

  #claim(what: string, fault: { readonly field: string; readonly value: string }): void {
    const holder = this.#holders.get(what);
    if (holder !== undefined)
      throw new DistributordError(
        'INVALID_STATE',
        `${fault.field} ${fault.value} is that of ${holder}, too`,
        fault,
      );
    this.#holders.set(what, fault.field);
  }
}
