// osb-oci usr-overlay: makes /usr writable until the restart.
#include "system/extension/usr_overlay.hh"

#include <nlohmann/json.hpp>

#include "base/error.hh"
#include "cli/options/sysroot_flags.hh"
#include "cli/options/verb.hh"
#include "cli/output/json_output.hh"

namespace osb::cli {
namespace {

// The hint of the usual error names --sysroot, which this verb does not have.
ostree::Sysroot open_running(const SysrootFlags& running) {
    try {
        return running.open_locked();
    } catch (Error& error) {
        if (error.kind() == ErrorKind::not_found) error.hint("this system was not started from a deployment");
        throw;
    }
}

class UsrOverlayVerb final : public Verb {
  public:
    void declare(Arguments& /*arguments*/) override {}

    void run(Session& session) override {
        const system::MountNamespace where = system::MountNamespace::current();
        const SysrootFlags running;
        const ostree::Sysroot sysroot = open_running(running);
        const bool changed = system::make_usr_writable(sysroot, where);
        if (session.options.json) {
            session.print(to_document({{"schema", 1}, {"changed", changed}}));
            return;
        }
        session.print(changed ? "/usr is writable until the restart; changes are gone after it\n"
                              : "/usr is writable already\n");
    }
};

}  // namespace

constexpr auto kUsrOverlayExamples = std::to_array<std::string_view>({
    "osb-oci usr-overlay",
});

const VerbEntry kUsrOverlayVerb{
    .name = "usr-overlay",
    .summary = "Make /usr writable until the restart",
    .description =
        "Mounts a writable overlay on /usr of the running system, for example to try a fix. The changes are "
        "kept on the disk until the restart, and are gone after it. Extensions stay visible. 'osb-oci "
        "status' and 'ostree admin status' report it. If /usr is writable already, nothing changes.",
    .examples = kUsrOverlayExamples,
    .related = {"extension", "status", "upgrade"},
    .uses_repository = false,
    .make = []() -> std::unique_ptr<Verb> { return std::make_unique<UsrOverlayVerb>(); },
};

}  // namespace osb::cli
