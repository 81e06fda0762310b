#include "system/trial/boot_check_summary.hh"

#include <fcntl.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/state_file.hh"
#include "oci/documents/json.hh"
#include "oci/documents/json_members.hh"

namespace osb::system {

std::optional<BootCheckSummary> read_boot_check(const std::string& run_directory) {
    constexpr std::size_t kMaxSummaryFile = 1024UL * 1024;
    const std::string path = concat(run_directory, '/', kBootCheckFile);
    try {
        const oci::Json json =
            oci::parse_json(read_regular_file(AT_FDCWD, path, kMaxSummaryFile), kBootCheckFile);
        const oci::Json& healthy = oci::member_or_null(json, "healthy");
        if (!healthy.is_boolean()) return std::nullopt;
        using Time = std::numeric_limits<std::int64_t>;
        BootCheckSummary out;
        out.healthy = healthy.get<bool>();
        out.time = oci::required_integer(json, "time", Time::min(), Time::max(), kBootCheckFile);
        out.failure = escape(oci::required_string(json, "failure", kBootCheckFile));
        return out;
    } catch (const Error&) {
        return std::nullopt;
    }
}

}  // namespace osb::system
