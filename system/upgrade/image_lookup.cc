#include "system/upgrade/image_lookup.hh"

#include <fcntl.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>
#include <utility>
#include <variant>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/file_lock.hh"
#include "base/helper_call.hh"
#include "base/log.hh"
#include "base/sandboxed_call.hh"
#include "base/stored_error.hh"
#include "image/sandbox/sandbox_plan.hh"
#include "oci/documents/json.hh"
#include "oci/documents/json_members.hh"
#include "ostree/objects/detached_metadata.hh"
#include "system/upgrade/candidate.hh"
#include "system/upgrade/fetch_image.hh"

namespace osb::system {
namespace {

// The helper's function: input the bytes, output a document with what it has logged, and the error.
constexpr const char* kMakeRoom = "make-room";
constexpr const char* kAnswer = "the answer of the helper";
constexpr std::size_t kMaxLines = 10000;

std::uint64_t parse_bytes(const std::string& text) {
    std::uint64_t out = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (failure != std::errc() || end != text.data() + text.size())
        throw Error(ErrorKind::invalid, "not a number of bytes");
    return out;
}

// In a process of its own, whose standard error nobody reads.
std::string make_room_outside(ostree::Sysroot& sysroot, const std::string& input) {
    oci::Json info = oci::Json::array();
    oci::Json warnings = oci::Json::array();
    set_log_sink([&](LogLevel level, const std::string& line) {
        if (level == LogLevel::info) info.push_back(line);
        if (level == LogLevel::warning) warnings.push_back(line);
    });
    std::string problem;
    try {
        // A process that was taken over asks several times, and at the same time.
        const Fd one = open_at(AT_FDCWD, sysroot.path_of("ostree/deploy"), O_RDONLY | O_DIRECTORY);
        lock_file(one.get(), "the list of deployments");
        sysroot.reload();
        make_room_for_fetch(sysroot, parse_bytes(input));
    } catch (const Error& error) {
        problem = store_error(error);
    }
    const oci::Json out{{"info", info}, {"warnings", warnings}, {"error", problem}};
    return out.dump(-1, ' ', true, oci::Json::error_handler_t::replace);
}

void make_room(ostree::Sysroot& sysroot, std::uint64_t needed) {
    if (!has_helper()) return make_room_for_fetch(sysroot, needed);
    const oci::Json answer = oci::parse_json(call_helper(kMakeRoom, std::to_string(needed)), kAnswer);
    for (const std::string& line : oci::optional_strings(answer, "info", kMaxLines, kAnswer)) log_info(line);
    for (const std::string& line : oci::optional_strings(answer, "warnings", kMaxLines, kAnswer))
        log_warning(line);
    const std::string problem = oci::required_string(answer, "error", kAnswer);
    if (!problem.empty()) throw parse_error(problem);
}

void read_rules(image::SandboxPlan& plan, const ostree::Sysroot& sysroot, const UpgradeTarget& target) {
    plan.read_image(target.read_from);
    if (const auto* image = std::get_if<image::ImageOrigin>(&target.origin))
        plan.verify_commits(sysroot.path_of("ostree/repo"), image->remote);
}

SandboxRules lookup_rules(ostree::Sysroot& sysroot, const UpgradeTarget& target) {
    image::SandboxPlan plan;
    read_rules(plan, sysroot, target);
    plan.change_repository(sysroot.path_of("ostree/repo"));
    plan.offer(kMakeRoom, [&sysroot](const std::string& input) { return make_room_outside(sysroot, input); });
    return plan.take();
}

// The image may bring signatures that the deployed commit does not have. The process that deploys verifies
// those in the repository, and so does the next upgrade, because the digest is known then.
void keep_signatures(const ostree::Sysroot& sysroot, const Candidate& candidate) {
    const std::optional<ostree::Encapsulated>& verified = candidate.verified_commit();
    if (!verified) return;
    ostree::Repository repository = sysroot.repository();
    ostree::store_detached_metadata(repository, *verified->commit, verified->detached);
}

class Lookup {
  public:
    // `locked`: the sysroot of the process that waits, which makes room.
    Lookup(const ostree::Sysroot& sysroot, ostree::Sysroot& locked, const UpgradeOptions& options,
           Progress& progress)
        : sysroot_(sysroot),
          locked_(locked),
          options_(options),
          progress_(progress),
          candidate_(sysroot, options) {}

    ImageAnswer run() {
        const ProgressEnd end(progress_);  // the other process does not know what this one shows
        progress_.begin("looking up the image", std::nullopt);
        const UpgradePlan plan = plan_for(candidate_, options_);
        const UpgradeFacts& facts = candidate_.facts();
        ImageAnswer out{.digest = facts.digest,
                        .release = facts.release,
                        .commit = facts.commit,
                        .is_same_system = facts.is_same_system,
                        .fetched = candidate_.fetched(),
                        .transfer = std::nullopt};
        if (plan.action == UpgradeAction::download && !facts.is_fetched) fetch(out);
        if (facts.match != DeploymentMatch::absent) keep_signatures(sysroot_, candidate_);
        return out;
    }

  private:
    void fetch(ImageAnswer& out) {
        FetchOptions fetch{.way = options_.fetch, .jobs = options_.jobs, .make_room = {}};
        fetch.make_room = [this](std::uint64_t needed) { make_room(locked_, needed); };
        FetchResult result =
            with_context([this] { return concat("image ", quoted(candidate_.target().read_from)); },
                         [&] {
                             return fetch_image(sysroot_, *candidate_.image(), candidate_.ref_name(),
                                                candidate_.verified_commit(), fetch, progress_);
                         });
        out.fetched = std::move(result.fetched);
        out.bytes_read = result.bytes_read;
        out.transfer = result.transfer;
    }

    const ostree::Sysroot& sysroot_;
    ostree::Sysroot& locked_;
    const UpgradeOptions& options_;
    Progress& progress_;
    Candidate candidate_;
};

}  // namespace

ImageAnswer look_up_image(ostree::Sysroot& sysroot, const UpgradeTarget& target,
                          const UpgradeOptions& options, Progress& progress) {
    const std::string text = call_in_sandbox(lookup_rules(sysroot, target), options.sandbox, [&] {
        // The descriptors of the other one are closed.
        const ostree::Sysroot opened = ostree::Sysroot::open(sysroot.path());
        return to_text(Lookup(opened, sysroot, options, progress).run());
    });
    if (options.sandbox != SandboxMode::off) sysroot.reload();  // the helper may have made room
    return parse_image_answer(text);
}

SandboxRules rules_of_check(const ostree::Sysroot& sysroot, const UpgradeTarget& target) {
    image::SandboxPlan plan;
    read_rules(plan, sysroot, target);
    return plan.take();
}

}  // namespace osb::system
