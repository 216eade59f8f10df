// SPDX-License-Identifier: Apache-2.0
#include "verdicts.h"

namespace distributor {

const std::array<const char*, DIST_VERDICTS> kVerdictNames = {
    "pass_not_vip",
    "pass_other_mac",
    "pass_not_request",
    "tx_settled",
    "tx_pinned",
    "tx_new",
    "tx_previous",
    "tx_arp_reply",
    "tx_neighbour_advertisement",
    "drop_truncated",
    "drop_bad_header",
    "drop_ttl_expired",
    "drop_no_amphora",
    "drop_fragment",
    "drop_icmp_error",
    nullptr,
    "drop_internal",
    "tx_unpinned",
    "tx_icmp_error",
    "tx_vip_defended",
    "pass_vip_claimed",
    "drop_tiny_fragment",
    "drop_extension_headers",
    "drop_loop",
    "drop_carry_over",
};

}  // namespace distributor
