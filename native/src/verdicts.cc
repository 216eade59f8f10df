// SPDX-License-Identifier: Apache-2.0
#include "verdicts.h"

namespace distributor {

const std::array<const char*, DIST_VERDICTS> kVerdictNames = {
    "pass_not_vip",         "pass_other_mac",  "pass_not_request",
    "tx_settled",           "tx_pinned",       "tx_new",
    "tx_previous",          "tx_arp_reply",    "tx_neighbour_advertisement",
    "drop_truncated",       "drop_bad_header", "drop_ttl_expired",
    "drop_no_amphora",      "drop_fragment",   "drop_icmp_error",
    "drop_flow_table_full", "drop_internal",
};

}  // namespace distributor
