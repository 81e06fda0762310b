#include "ostree/push/ssh_rules.hh"

#include <sys/un.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/bytes.hh"
#include "base/helper_call.hh"
#include "base/shell_word.hh"
#include "base/temporary_directory.hh"
#include "ostree/push/ssh_connection.hh"

namespace osb::ostree {
namespace {

using Arguments = std::vector<std::string>;

bool is_decimal_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_word_character(char c) {
    return is_decimal_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

// A path below the temporary directory of this run, which has no characters that ssh would expand.
bool is_socket_path(std::string_view path) {
    const std::string directory = temporary_directory() + '/';
    if (!path.starts_with(directory)) return false;
    path.remove_prefix(directory.size());
    return !path.empty() &&
           std::all_of(path.begin(), path.end(), [](char c) { return is_word_character(c) || c == '/'; });
}

bool is_forwarding(std::string_view text) {
    for (const std::string_view listen : {"127.0.0.1:0:", "0:"}) {
        if (text.starts_with(listen)) return is_socket_path(text.substr(listen.size()));
    }
    return false;
}

// Takes the longest prefix of such characters. Returns false if there is none.
template<typename Predicate>
bool take_some(std::string_view& text, const Predicate& is_part) {
    const auto end = std::find_if_not(text.begin(), text.end(), is_part);
    const auto size = static_cast<std::size_t>(end - text.begin());
    text.remove_prefix(size);
    return size > 0;
}

bool take_text(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return false;
    text.remove_prefix(prefix.size());
    return true;
}

// ostree-receive FLAGS PATH http://127.0.0.1:PORT/SECRET REF, as SshPush writes it: no other program, path or
// shell syntax.
bool is_receive_command(std::string_view text, const SshTarget& target) {
    const auto is_ref = [](char c) { return is_word_character(c) || c == '/' || c == '.'; };
    return take_text(text, "ostree-receive ") &&
           (take_text(text, "-n -v ") || take_text(text, "-f -v ") || take_text(text, "-v ")) &&
           take_text(text, concat(shell_quoted(target.path), " http://127.0.0.1:")) &&
           take_some(text, is_decimal_digit) && take_text(text, "/") && take_some(text, is_word_character) &&
           take_text(text, " ") && take_some(text, is_ref) && text.empty();
}

}  // namespace

bool is_ssh_command(const Arguments& argv, const SshTarget& target, bool may_ask) {
    const auto path = std::find(argv.begin(), argv.end(), "-S");
    if (path == argv.end() || path + 1 == argv.end() || !is_socket_path(path[1])) return false;
    if (argv == ssh_master_arguments(target, path[1], may_ask)) return true;
    const Arguments client{"ssh", "-F", "none", "-S", path[1]};
    if (argv.size() < client.size() || !std::equal(client.begin(), client.end(), argv.begin())) return false;
    const Arguments rest(argv.begin() + static_cast<std::ptrdiff_t>(client.size()), argv.end());
    if (rest == Arguments{"-O", "exit", "--", target.host}) return true;
    if (rest.size() == 6)
        return rest == Arguments{"-O", "forward", "-R", rest[3], "--", target.host} && is_forwarding(rest[3]);
    return rest.size() == 4 && rest == Arguments{"-T", "--", target.host, rest[3]} &&
           is_receive_command(rest[3], target);
}

std::string ssh_socket_parent() {
    if (has_helper()) return "";       // it was asked before the sandbox closed
    constexpr std::size_t kRoom = 70;  // our two directories, the file name, and ssh's temporary suffix
    const std::optional<std::string> chosen = chosen_temporary_directory();
    if (!chosen) return "";
    const std::string_view path = *chosen;
    const bool fits = path.size() + kRoom < sizeof(sockaddr_un::sun_path) && path.starts_with('/') &&
                      path.find_first_of(":%$~\\\"' \t\n[]") == std::string_view::npos;
    return fits ? "" : "/tmp";
}

}  // namespace osb::ostree
