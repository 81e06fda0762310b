#include "system/deploy/given_up.hh"

#include <fcntl.h>

#include <nlohmann/json.hpp>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/fd.hh"
#include "base/log.hh"
#include "base/state_file.hh"
#include "oci/documents/json.hh"
#include "oci/documents/json_members.hh"
#include "system/deploy/deployment_match.hh"

namespace osb::system {
namespace {

constexpr const char* kGivenUp = "given-up.json";
constexpr const char* kStateDirectory = "ostree/osb-oci";
constexpr std::size_t kMaxGivenUp = 4096;

template<typename F>
void or_warn(const F& change) {
    try {
        change();
    } catch (const Error& error) {
        log_warning(concat("cannot change the record of the rollback: ", error.message()));
    }
}

}  // namespace

bool is_given_up(const ostree::Sysroot& sysroot, const std::string& digest,
                 const std::optional<ostree::CommitId>& commit) {
    try {
        const std::string path = concat(sysroot.path_of(kStateDirectory), '/', kGivenUp);
        const oci::Json json = oci::parse_json(read_regular_file(AT_FDCWD, path, kMaxGivenUp), kGivenUp);
        return (!digest.empty() && oci::required_string(json, "digest", kGivenUp) == digest) ||
               (commit && oci::required_string(json, "commit", kGivenUp) == commit->text());
    } catch (const Error& error) {
        log_debug(concat(kGivenUp, " is ignored: ", error.message()));
    }
    return false;
}

void record_given_up(const ostree::Sysroot& sysroot, const ostree::Deployment& deployment) {
    or_warn([&] {
        const oci::Json json{{"schema", 1},
                             {"commit", deployment.id.commit.text()},
                             {"digest", manifest_digest_of(sysroot, deployment)}};
        const Fd directory = open_state_directory(sysroot.path_of(kStateDirectory));
        replace_file(directory.get(), kGivenUp,
                     json.dump(2, ' ', true, oci::Json::error_handler_t::replace) + '\n');
    });
}

void clear_given_up(const ostree::Sysroot& sysroot) {
    or_warn([&] {
        const Fd directory = open_state_directory(sysroot.path_of(kStateDirectory));
        remove_file(directory.get(), kGivenUp);
    });
}

}  // namespace osb::system
