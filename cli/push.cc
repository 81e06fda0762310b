// osb-oci push: a commit goes to a registry, or to an archive repository.
#include <CLI/CLI.hpp>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "cli/export_flags.hh"
#include "cli/verb.hh"

namespace osb::cli {
namespace {

class PushVerb final : public Verb {
  public:
    void declare(CLI::App& app) override {
        app.add_option("REV", rev_, "a ref or a commit")->required();
        app.add_option("DEST", destination_, "docker://HOST/NAME[:TAG]")->required();
        flags_.declare(app);
    }

    void run(Session& session) override {
        const oci::Reference target = oci::Reference::parse(destination_);
        if (target.transport != oci::Transport::docker) {
            throw Error(ErrorKind::usage, concat("push: ", quoted(destination_), " is no registry"))
                .hint("osb-oci export writes images to files and directories");
        }
        flags_.run(session, rev_, target);
    }

  private:
    std::string rev_;
    std::string destination_;
    ExportFlags flags_;
};

}  // namespace

const VerbEntry kPushVerb{
    .name = "push",
    .summary = "Sends a commit to a registry",
    .examples =
        "  osb-oci push --repo repo os/x86_64/main docker://registry.example.com/os:v2\n"
        "  osb-oci push --creds user:password os/x86_64/main docker://registry.example.com/os\n",
    .uses_repository = true,
    .make = []() -> std::unique_ptr<Verb> { return std::make_unique<PushVerb>(); },
};

}  // namespace osb::cli
