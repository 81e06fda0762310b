// The interface of verbs. To add a verb, write a file with a class like those in cli/verbs/import.cc, and add
// its entry here and in cli/verbs/verbs.cc.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/progress.hh"
#include "base/sandbox.hh"
#include "cli/options/arguments.hh"
#include "cli/options/sandbox_mode.hh"
#include "cli/output/common_options.hh"
#include "cli/output/console.hh"

namespace osb::cli {

// The environment of a running verb.
struct Session {
    const CommonOptions& options;
    Console& console;
    Progress& progress;

    // Writes a result to standard output.
    void print(std::string_view text) const {
        console.io().out << text;
        console.io().has_result = true;
    }
    // The sandbox of the processes that run() starts for images.
    SandboxMode sandbox() const { return sandbox_mode(options, console.io()); }
    // Writes a remark to standard error, unless --quiet.
    void note(std::string_view text) const;
};

// One run of a verb: declare() is called once, then parsing sets the members, then run() is called.
class Verb {
  public:
    Verb() = default;
    Verb(const Verb&) = delete;
    Verb& operator=(const Verb&) = delete;
    virtual ~Verb() = default;

    // Adds the rows of the verb's own options and arguments. Their targets are members of the verb.
    virtual void declare(Arguments& arguments) = 0;
    // The sandbox of this run; nullopt for a verb that has none. Changes nothing, and leaves errors to run().
    virtual std::optional<SandboxRules> sandbox(const CommonOptions& /*options*/, const Io& /*io*/) const {
        return std::nullopt;
    }
    // True if run() reads images in processes of their own, in a sandbox (base/sandboxed_call.hh): for a verb
    // that changes what their decoder must not reach.
    virtual bool calls_in_sandbox() const { return false; }
    // Runs the verb. Throws Error, Interrupted.
    virtual void run(Session& session) = 0;
};

inline constexpr std::size_t kMostRelated = 5;

// The description of a verb, for the help, the man pages and completion, and the function that creates it.
struct VerbEntry {
    std::string_view name;
    std::string_view summary;      // one line, an imperative, without a full stop
    std::string_view description;  // one paragraph of two to six sentences, for --help and the man page
    std::span<const std::string_view> examples;            // command lines, at the end of the help
    std::array<std::string_view, kMostRelated> related{};  // other verbs, for SEE ALSO; "": unused
    bool uses_repository;                                  // has --repo
    bool makes_repository = false;
    std::unique_ptr<Verb> (*make)();
};

extern const VerbEntry kBootCheckVerb;
extern const VerbEntry kBootMenuVerb;
extern const VerbEntry kCleanupVerb;
extern const VerbEntry kDiffVerb;
extern const VerbEntry kExportVerb;
extern const VerbEntry kFactoryResetVerb;
extern const VerbEntry kExtensionVerb;
extern const VerbEntry kImportVerb;
extern const VerbEntry kInspectVerb;
extern const VerbEntry kInstallToDiskVerb;
extern const VerbEntry kKargsVerb;
extern const VerbEntry kLintVerb;
extern const VerbEntry kMergeEtcVerb;
extern const VerbEntry kPinVerb;
extern const VerbEntry kPullVerb;
extern const VerbEntry kPushVerb;
extern const VerbEntry kRollbackVerb;
extern const VerbEntry kSignVerb;
extern const VerbEntry kStatusVerb;
extern const VerbEntry kSwitchVerb;
extern const VerbEntry kUnionVerb;
extern const VerbEntry kUnpinVerb;
extern const VerbEntry kUpgradeVerb;
extern const VerbEntry kVerifyVerb;
extern const VerbEntry kUsrOverlayVerb;

// All verbs, in the order of the help.
std::span<const VerbEntry* const> verbs();

}  // namespace osb::cli
