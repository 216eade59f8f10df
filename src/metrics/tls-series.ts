// SPDX-License-Identifier: Apache-2.0
import type { TlsState } from '../api/tls-material-watch.ts';
import type { Exposition } from './exposition.ts';

/** Series of the TLS listener's files; none without one. */
export function addTlsSeries(out: Exposition, state: TlsState | null): void {
  if (state === null) return;
  const { certificateNotAfter, caNotAfter, crlNextUpdate, lastReloadFailed, reloads } = state;
  out.add('distributord_tls_certificate_expiry_timestamp_seconds', certificateNotAfter);
  out.add('distributord_tls_ca_expiry_timestamp_seconds', caNotAfter);
  if (crlNextUpdate !== null)
    out.add('distributord_tls_crl_next_update_timestamp_seconds', crlNextUpdate);
  out.add('distributord_tls_last_reload_successful', lastReloadFailed === null ? 1 : 0);
  out.add('distributord_tls_reloads_total', reloads);
}
