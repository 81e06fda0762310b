// osb-oci cleanup: removes unused deployments, commits and files.
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/bytes.hh"
#include "cli/options/sysroot_flags.hh"
#include "cli/options/verb.hh"
#include "cli/output/format.hh"
#include "cli/reports/deployment_report.hh"
#include "system/deploy/deploy.hh"
#include "system/deploy/rollback.hh"

namespace osb::cli {
namespace {

struct Free {
    std::uint64_t root = 0;
    std::uint64_t boot = 0;  // 0 if BOOT is not a separate filesystem
};

// Measures free space, because libostree prunes at every change and does not report it.
Free measure(const ostree::Sysroot& sysroot) {
    Free out{.root = std::filesystem::space(sysroot.path()).free, .boot = 0};
    struct stat root {};
    struct stat boot {};
    const bool separate = ::stat(sysroot.path().c_str(), &root) == 0 &&
                          ::stat(sysroot.boot().c_str(), &boot) == 0 && root.st_dev != boot.st_dev;
    if (separate) out.boot = std::filesystem::space(sysroot.boot()).free;
    return out;
}

// Other programs may write at the same time, so a difference can be negative.
std::uint64_t growth(std::uint64_t before, std::uint64_t after) {
    return after > before ? after - before : 0;
}

struct Removed {
    std::string name;
    OrderedJson json;
};

class CleanupVerb final : public Verb {
  public:
    void declare(Arguments& arguments) override {
        arguments.add(
            {{.name = "--rollback", .help = "remove the rollback deployment as well", .target = &rollback_}});
        sysroot_.declare(arguments);
    }

    void run(Session& session) override {
        ostree::Sysroot sysroot = sysroot_.open_locked();
        const Free before = measure(sysroot);
        const std::vector<ostree::Deployment> all = sysroot.deployments();
        std::vector<Removed> described;
        described.reserve(all.size());
        for (const ostree::Deployment& deployment : all) {
            described.push_back({name_of(sysroot, deployment), deployment_to_json(sysroot, deployment)});
        }
        const bool had_rollback = !rollback_ || system::drop_rollback(sysroot).has_value();
        const std::uint64_t pruned = system::keep_proven(sysroot);
        std::vector<Removed> removed;
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (!sysroot.find(all[i].id)) removed.push_back(std::move(described[i]));
        }
        const Free after = measure(sysroot);
        const Free freed{.root = std::max(pruned, growth(before.root, after.root)),
                         .boot = growth(before.boot, after.boot)};
        if (!had_rollback) session.note("there is no rollback to remove");
        print(session, removed, freed);
    }

  private:
    static void print(const Session& session, const std::vector<Removed>& removed, const Free& freed) {
        if (session.options.json) {
            OrderedJson list = OrderedJson::array();
            for (const Removed& one : removed) list.push_back(one.json);
            session.print(to_document({{"schema", 1},
                                       {"removed", std::move(list)},
                                       {"bytes_freed", freed.root},
                                       {"boot_bytes_freed", freed.boot}}));
            return;
        }
        for (const Removed& one : removed) session.print(concat("removed ", one.name, '\n'));
        session.print(concat("freed ", format_bytes(freed.root), " on the root filesystem, ",
                             format_bytes(freed.boot), " on BOOT\n"));
    }

    SysrootFlags sysroot_;
    bool rollback_ = false;
};

}  // namespace

constexpr auto kCleanupExamples = std::to_array<std::string_view>({
    "osb-oci cleanup",
    "osb-oci cleanup --rollback",
    "osb-oci cleanup --sysroot /mnt",
});

const VerbEntry kCleanupVerb{
    .name = "cleanup",
    .summary = "Remove deployments and objects that are no longer needed",
    .description =
        "Removes deployments without a role, refs and layers of images that no deployment follows, and "
        "objects and kernels that nothing uses. The booted system, a system on trial, the rollback and "
        "pinned deployments stay. --rollback removes the rollback as well, for example to make room on a "
        "small BOOT. Refs that osb-oci did not create stay, with their commits.",
    .examples = kCleanupExamples,
    .related = {"status", "rollback", "unpin"},
    .uses_repository = false,
    .make = []() -> std::unique_ptr<Verb> { return std::make_unique<CleanupVerb>(); },
};

}  // namespace osb::cli
