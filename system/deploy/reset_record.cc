#include "system/deploy/reset_record.hh"

#include <fcntl.h>

#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/fd.hh"
#include "base/log.hh"
#include "base/state_file.hh"
#include "oci/documents/json.hh"
#include "oci/documents/json_members.hh"
#include "ostree/sysroot/stateroot.hh"

namespace osb::system {
namespace {

constexpr const char* kResetFile = "factory-reset.json";
constexpr std::size_t kMaxResetFile = 16UL * 1024;
constexpr int kResetSchema = 1;
constexpr std::string_view kResetSuffix = "-reset-";
constexpr std::size_t kMaxResetBase = 40;  // of NAME, because the kernel's command line has the whole name

std::string reset_directory(const std::string& sysroot) {
    return concat(sysroot == "/" ? std::string() : sysroot, "/ostree/osb-oci");
}

std::string stateroot_in(const oci::Json& json, const char* key) {
    std::string name = oci::required_string(json, key, "the record");
    if (!ostree::is_stateroot_name(name)) throw Error(ErrorKind::invalid, concat("bad ", key));
    return name;
}

ResetRecord parse_reset(const std::string& text) {
    const oci::Json json = oci::parse_json(text, kResetFile);
    static_cast<void>(oci::required_integer(json, "schema", kResetSchema, kResetSchema, "the record"));
    ResetRecord out{.from = stateroot_in(json, "from"),
                    .to = stateroot_in(json, "to"),
                    .is_tried = oci::optional_flag(json, "tried", "the record"),
                    .time = oci::required_integer(json, "time", 0, std::numeric_limits<std::int64_t>::max(),
                                                  "the record")};
    // Each side may be removed: nothing else may be named here.
    if (out.from == out.to || reset_number(out.to) == 0)
        throw Error(ErrorKind::invalid, "it does not name two stateroots of a reset");
    return out;
}

}  // namespace

std::optional<ResetRecord> read_reset(const std::string& sysroot) {
    const std::string path = concat(reset_directory(sysroot), '/', kResetFile);
    try {
        return parse_reset(read_regular_file(AT_FDCWD, path, kMaxResetFile));
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::not_found) return std::nullopt;
        if (error.kind() != ErrorKind::invalid && error.kind() != ErrorKind::too_large) throw;
        log_warning(concat(kResetFile, " is ignored: ", error.message()));
        return std::nullopt;
    }
}

void write_reset(const std::string& sysroot, const ResetRecord& record) {
    const oci::Json json{{"schema", kResetSchema},
                         {"from", record.from},
                         {"to", record.to},
                         {"tried", record.is_tried},
                         {"time", record.time}};
    const std::string text = json.dump(2, ' ', false, oci::Json::error_handler_t::replace) + '\n';
    static_cast<void>(parse_reset(text));  // a record that cannot be read would be forgotten
    const Fd directory = open_state_directory(reset_directory(sysroot));
    replace_file(directory.get(), kResetFile, text);
}

void remove_reset(const std::string& sysroot) {
    const Fd directory = open_state_directory(reset_directory(sysroot));
    remove_file(directory.get(), kResetFile);
}

std::string reset_name(const std::string& present, unsigned number) {
    std::string base = present;
    if (reset_number(present) != 0) base.resize(present.rfind(kResetSuffix));
    if (base.size() > kMaxResetBase) base.resize(kMaxResetBase);
    return concat(base, kResetSuffix, number);
}

unsigned reset_number(const std::string& stateroot) {
    const std::size_t at = stateroot.rfind(kResetSuffix);
    if (at == std::string::npos || at == 0) return 0;
    const std::string_view digits = std::string_view(stateroot).substr(at + kResetSuffix.size());
    unsigned out = 0;
    const char* end = digits.data() + digits.size();
    const auto [parsed, error] = std::from_chars(digits.data(), end, out);
    return error == std::errc() && parsed == end && digits.front() != '0' ? out : 0;
}

}  // namespace osb::system
