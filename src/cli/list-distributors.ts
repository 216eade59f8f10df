// SPDX-License-Identifier: Apache-2.0
import type { Distributor__Output as Distributor } from '../../build/proto/distributor/v1/Distributor.ts';
import type { Client } from './client.ts';

/** All pages. */
export async function listDistributors(client: Client): Promise<Distributor[]> {
  const all: Distributor[] = [];
  let page_token = '';
  do {
    const page = await client.call('ListDistributors', { page_token });
    all.push(...page.distributors);
    page_token = page.next_page_token;
  } while (page_token !== '');
  return all;
}
