#include "cli/options/commit_trust.hh"

#include "cli/options/key_files.hh"
#include "ostree/import/held_commit.hh"
#include "ostree/objects/detached_metadata.hh"
#include "ostree/objects/remote_trust.hh"

namespace osb::cli {

Argument commit_remote_argument(std::string& remote) {
    return {.name = "--remote",
            .value = "NAME",
            .help = "require that the commit is signed by a key of this remote of the repository",
            .not_empty = true,
            .target = &remote};
}

ostree::Repository open_repository(const std::string& path, const std::string& remote) {
    return remote.empty() ? ostree::Repository::open_or_create(path) : ostree::Repository::open(path);
}

std::optional<ostree::Encapsulated> verified_commit(const ostree::Repository& repository,
                                                    const std::string& remote, const oci::Image& image) {
    if (remote.empty()) return std::nullopt;
    return ostree::verify_held_commit(image, ostree::RemoteTrust(repository, remote));
}

void store_verified(ostree::Repository& repository, const std::optional<ostree::Encapsulated>& verified) {
    if (verified) ostree::store_detached_metadata(repository, *verified->commit, verified->detached);
}

void SignFlags::declare(Arguments& arguments) {
    arguments.add({
        {.name = "--sign",
         .value = "KEYFILE",
         .kind = ValueKind::file,
         .help = "sign the commit with this Ed25519 private key, in PEM or as ostree stores it",
         .target = &keys},
        {.name = "--passphrase-file",
         .value = "FILE",
         .kind = ValueKind::file,
         .help = "file whose first line is the passphrase of the keys of --sign",
         .needs = {"--sign"},
         .target = &passphrase},
        {.name = "--gpg-sign",
         .value = "KEYID",
         .help = "sign the commit with this GPG key",
         .not_empty = true,
         .target = &gpg_keys},
        {.name = "--gpg-homedir",
         .value = "DIR",
         .kind = ValueKind::directory,
         .help = "home directory of GPG",
         .needs = {"--gpg-sign"},
         .target = &gpg_homedir},
    });
}

ostree::CommitSigners SignFlags::signers() const {
    ostree::CommitSigners out{.keys = {}, .gpg_keys = gpg_keys, .gpg_homedir = gpg_homedir};
    for (const std::string& file : keys) out.keys.push_back(read_commit_key(file, passphrase));
    ostree::check_signers(out);
    return out;
}

}  // namespace osb::cli
