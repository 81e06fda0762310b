// The sandbox of a run: what its command line, or the origin of a deployment, says that it reads and writes.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "base/sandbox.hh"
#include "oci/documents/reference.hh"
#include "ostree/objects/commit_signers.hh"
#include "ostree/push/ssh_target.hh"

namespace osb::image {

// Collects the rules. A name that is not valid is left to the verb, which reports it.
class SandboxPlan {
  public:
    // The objects and refs of a repository are changed, but not its configuration and keys.
    void change_repository(const std::string& directory);
    // The same; all of it is made if it is missing.
    void make_repository(const std::string& directory);

    // An image that is read, by its name; "" and other names, such as refs, need nothing.
    void read_image(const std::string& name);
    // An image that is written.
    void write_image(const std::string& name);
    // Signatures that are added to an image.
    void sign_image(const std::string& name);

    // Keys that sign a commit: with GPG by the helper.
    void sign_commits(const ostree::CommitSigners& signers);
    // The remote of the repository that verifies a commit, with GPG by the helper; "" for none.
    void verify_commits(const std::string& repository, const std::string& remote);

    // A function outside of the sandbox (base/helper_call.hh). Its input may be hostile.
    void offer(const std::string& name, std::function<std::string(const std::string&)> function);

    // The destinations file:// and ssh:// of a push.
    void push_to_directory(const std::string& url);
    void push_over_ssh(const std::string& url, bool may_ask);

    SandboxRules take() { return std::move(rules_); }

  private:
    void write_archive(const std::string& file);
    void change(const std::string& directory);
    void make(const std::string& directory, bool parents);
    void add_objects(const std::string& repository);
    void reach(const oci::Reference& image);

    SandboxRules rules_;
};

}  // namespace osb::image
