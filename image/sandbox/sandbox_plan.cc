#include "image/sandbox/sandbox_plan.hh"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "oci/transports/archive_output.hh"
#include "ostree/objects/gpg_outside.hh"
#include "ostree/push/archive_push.hh"
#include "ostree/push/ssh_rules.hh"
#include "registry/auth/credentials.hh"
#include "registry/skopeo/skopeo_rules.hh"

namespace osb::image {
namespace {

using oci::Transport;
using Made = SandboxRules::Made;
using PathSockets = SyscallRules::PathSockets;

std::optional<oci::Reference> parse_image(const std::string& name) {
    try {
        return oci::Reference::parse(name);
    } catch (const Error&) {
        return std::nullopt;
    }
}

std::string directory_of(const std::string& file) {
    const std::size_t slash = file.rfind('/');
    return slash == std::string::npos ? "." : file.substr(0, slash + 1);
}

// One without these may be left of a run that was ended while it made the repository.
bool is_repository(const std::string& directory) {
    constexpr std::array kParts{"config", "objects", "tmp", "refs/heads", "refs/mirrors", "refs/remotes"};
    return std::all_of(kParts.begin(), kParts.end(), [&](const char* part) {
        std::error_code error;
        return std::filesystem::exists(concat(directory, '/', part), error);
    });
}

// libostree then writes the summary, which lies beside the configuration, in each transaction.
bool updates_summary(const std::string& directory) {
    std::ifstream config(directory + "/config");
    for (std::string line; std::getline(config, line);) {
        std::erase_if(line, [](char c) { return c == ' ' || c == '\t' || c == '\r'; });
        for (const char* key : {"auto-update-summary=", "commit-update-summary="}) {
            if (!line.starts_with(key)) continue;
            const std::string value = line.substr(std::string_view(key).size());
            if (value != "false" && value != "0") return true;
        }
    }
    return false;
}

}  // namespace

// The objects of a repository may lie on another disk, by a symbolic link.
void SandboxPlan::add_objects(const std::string& repository) {
    const std::string objects = repository + "/objects";
    std::error_code error;
    if (!std::filesystem::is_symlink(objects, error)) return;
    rules_.exchanged.push_back(objects);
    rules_.links_between = true;  // files are renamed into it
}

void SandboxPlan::change(const std::string& directory) {
    if (!directory.empty()) rules_.writable.push_back(directory);
}

void SandboxPlan::make(const std::string& directory, bool parents) {
    rules_.made.push_back({.path = directory, .parents = parents, .change = Made::Change::all});
}

void SandboxPlan::change_repository(const std::string& directory) {
    if (directory.empty()) return;
    add_objects(directory);
    // The run completes it, or reports what is missing.
    if (!is_repository(directory) || updates_summary(directory)) return change(directory);
    const auto part = [&](const char* name, Made::Change change) {
        rules_.made.push_back({.path = concat(directory, '/', name), .parents = false, .change = change});
    };
    // Deployments are hard links to objects, also the system that runs.
    part("objects", Made::Change::exchange);
    part("tmp", Made::Change::all);
    // Processes outside of the sandbox write refs, and would follow a link.
    for (const char* name : {"refs", "state", "extensions"}) part(name, Made::Change::without_links);
    rules_.files.push_back(directory + "/.lock");
    rules_.touched.push_back(directory);
}

void SandboxPlan::make_repository(const std::string& directory) {
    if (directory.empty()) return;
    // The remotes and keys of one that is there decide what is accepted, now and later.
    if (is_repository(directory)) return change_repository(directory);
    make(directory, true);
    add_objects(directory);
}

// What is needed to read or write an image, besides files.
void SandboxPlan::reach(const oci::Reference& image) {
    switch (image.transport) {
        case Transport::docker:
            rules_.calls.network = true;
            rules_.helper.programs.emplace_back(registry::is_credential_helper);
            break;
        case Transport::docker_daemon:
            // DOCKER_HOST selects its socket or a host.
            rules_.calls.network = true;
            rules_.calls.path_sockets = PathSockets::all;
            break;
        case Transport::containers_storage:
            rules_.helper.programs.emplace_back(registry::is_skopeo_proxy);
            break;
        default:
            break;
    }
}

void SandboxPlan::read_image(const std::string& name) {
    if (const auto image = parse_image(name)) reach(*image);
}

void SandboxPlan::write_archive(const std::string& file) {
    try {
        const oci::ArchiveOutput output = oci::find_archive_output(file);
        if (!output.is_stream) return change(directory_of(output.file));
        // Where /dev/fd/3 leads, as a link is not followed here.
        std::error_code error;
        const std::filesystem::path named = std::filesystem::canonical(output.file, error);
        if (!error) rules_.files.push_back(named.string());  // pipes need no rule
    } catch (const Error&) {  // NOLINT(bugprone-empty-catch): the verb reports it
    }
}

void SandboxPlan::write_image(const std::string& name) {
    const auto image = parse_image(name);
    if (!image) return;
    reach(*image);
    switch (image->transport) {
        case Transport::oci:
        case Transport::directory:
            make(image->location, false);
            break;
        case Transport::oci_archive:
        case Transport::docker_archive:
            write_archive(image->location);
            break;
        case Transport::containers_storage:
            rules_.helper.programs.emplace_back(
                [target = *image](const auto& argv) { return registry::is_skopeo_copy(argv, target); });
            break;
        default:
            break;
    }
}

void SandboxPlan::sign_image(const std::string& name) {
    const auto image = parse_image(name);
    if (!image) return;
    reach(*image);
    if (image->transport == Transport::oci) change(image->location);
}

void SandboxPlan::sign_commits(const ostree::CommitSigners& signers) {
    if (signers.gpg_keys.empty()) return;
    // The other keys are not needed there.
    rules_.helper.functions[ostree::kGpgSign] =
        [gpg = ostree::CommitSigners{.keys = {},
                                     .gpg_keys = signers.gpg_keys,
                                     .gpg_homedir = signers.gpg_homedir}](const std::string& input) {
            return ostree::gpg_sign_outside(gpg, input);
        };
}

void SandboxPlan::verify_commits(const std::string& repository, const std::string& remote) {
    if (remote.empty()) return;
    rules_.helper.functions[ostree::kGpgVerify] = [repository, remote](const std::string& input) {
        return ostree::gpg_verify_outside(repository, remote, input);
    };
}

void SandboxPlan::offer(const std::string& name, std::function<std::string(const std::string&)> function) {
    rules_.helper.functions[name] = std::move(function);
}

void SandboxPlan::push_to_directory(const std::string& url) {
    try {
        const std::string directory = ostree::parse_file_url(url);
        // The summary lies beside the configuration.
        make(directory, true);
        add_objects(directory);
        rules_.links_between = true;
    } catch (const Error&) {  // NOLINT(bugprone-empty-catch): the verb reports it
    }
}

void SandboxPlan::push_over_ssh(const std::string& url, bool may_ask) {
    try {
        const ostree::SshTarget target = ostree::SshTarget::parse(url);
        rules_.helper.programs.emplace_back(
            [target, may_ask](const auto& argv) { return ostree::is_ssh_command(argv, target, may_ask); });
        rules_.calls.path_sockets = PathSockets::listen;
        rules_.temporary_parent = ostree::ssh_socket_parent();
        // ssh connects the server to a socket there, and must not reach that of another program.
        rules_.no_temporary_links = true;
    } catch (const Error&) {  // NOLINT(bugprone-empty-catch): the verb reports it
    }
}

}  // namespace osb::image
