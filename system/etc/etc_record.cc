#include "system/etc/etc_record.hh"

#include <fcntl.h>

#include <nlohmann/json.hpp>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/fd.hh"
#include "base/log.hh"
#include "base/state_file.hh"
#include "oci/documents/json.hh"
#include "oci/documents/json_members.hh"

namespace osb::system {
namespace {

constexpr const char* kMergesFile = "etc-merges.json";
constexpr std::size_t kMaxMergesFile = 256UL * 1024;
constexpr std::size_t kMaxMerges = 32;
constexpr int kMergesSchema = 1;

std::string merges_directory(const std::string& sysroot) {
    return concat(sysroot == "/" ? std::string() : sysroot, "/ostree/osb-oci");
}

ostree::DeploymentId read_id(const oci::Json& json, const char* key) {
    const std::string& stateroot = oci::required_string(json, "stateroot", "the record");
    const auto id = ostree::DeploymentId::try_parse(stateroot, oci::required_string(json, key, "the record"));
    if (!id) throw Error(ErrorKind::invalid, concat("bad ", key));
    return *id;
}

std::vector<EtcMerge> parse_merges(const std::string& text) {
    const oci::Json json = oci::parse_json(text, kMergesFile);
    static_cast<void>(oci::required_integer(json, "schema", kMergesSchema, kMergesSchema, "the record"));
    std::vector<EtcMerge> out;
    for (const oci::Json& item : oci::required_array(json, "merges", kMaxMerges, "the record")) {
        out.push_back({.deployment = read_id(item, "deployment"),
                       .from = read_id(item, "from"),
                       .source = oci::required_string(item, "source", "the record"),
                       .result = oci::required_string(item, "result", "the record"),
                       .next_source = oci::optional_string(item, "next_source", "the record"),
                       .next_result = oci::optional_string(item, "next_result", "the record"),
                       .is_started = oci::optional_flag(item, "started", "the record"),
                       .is_catching_up = oci::optional_flag(item, "catching_up", "the record"),
                       .boot_id = oci::optional_string(item, "boot_id", "the record")});
    }
    return out;
}

}  // namespace

std::vector<EtcMerge> read_etc_merges(const std::string& sysroot) {
    try {
        return parse_merges(
            read_regular_file(AT_FDCWD, concat(merges_directory(sysroot), '/', kMergesFile), kMaxMergesFile));
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::not_found) return {};
        if (error.kind() != ErrorKind::invalid && error.kind() != ErrorKind::too_large) throw;
        log_warning(concat(kMergesFile, " is ignored: ", error.message()));
        return {};
    }
}

std::optional<EtcMerge> find_etc_merge(const std::string& sysroot, const ostree::DeploymentId& deployment) {
    for (EtcMerge& merge : read_etc_merges(sysroot)) {
        if (merge.deployment == deployment) return std::move(merge);
    }
    return std::nullopt;
}

void write_etc_merges(const std::string& sysroot, std::vector<EtcMerge> merges) {
    if (merges.size() > kMaxMerges)
        merges.erase(merges.begin(), merges.end() - static_cast<std::ptrdiff_t>(kMaxMerges));
    oci::Json list = oci::Json::array();
    for (const EtcMerge& merge : merges) {
        list.push_back({{"stateroot", merge.deployment.stateroot},
                        {"deployment", merge.deployment.to_string()},
                        {"from", merge.from.to_string()},
                        {"source", merge.source},
                        {"result", merge.result},
                        {"next_source", merge.next_source},
                        {"next_result", merge.next_result},
                        {"started", merge.is_started},
                        {"catching_up", merge.is_catching_up},
                        {"boot_id", merge.boot_id}});
    }
    const oci::Json json{{"schema", kMergesSchema}, {"merges", std::move(list)}};
    const Fd directory = open_state_directory(merges_directory(sysroot));
    if (merges.empty()) {
        remove_file(directory.get(), kMergesFile);
        return;
    }
    replace_file(directory.get(), kMergesFile,
                 json.dump(2, ' ', false, oci::Json::error_handler_t::replace) + '\n');
}

}  // namespace osb::system
