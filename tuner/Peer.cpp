#include "tuner/Peer.h"

#include "support/AtomicFile.h"
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace jvpgen;
using namespace jvpgen::tuner;
namespace fs = std::filesystem;

/// In the child: descriptors, then the program. Only calls that are allowed between fork and exec.
[[noreturn]] static void become(char *const *arguments, int in, int out, int log, pid_t parent) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  dup2(in, 0);
  dup2(out, 1);
  dup2(log, 2);
  execv(arguments[0], arguments);
  _exit(127);
}

static tl::unexpected<Error> notStarted(const std::string &program) {
  return fail(ErrorKind::Environment, "starting '" + program + "' failed: " + std::strerror(errno) +
                                          "; see whether the machine has processes and descriptors left");
}

Result<std::unique_ptr<Peer>> Peer::start(const std::vector<std::string> &words, const fs::path &log) {
  std::vector<char *> arguments;
  for (const std::string &word : words) arguments.push_back(const_cast<char *>(word.c_str()));
  arguments.push_back(nullptr);
  int questions[2], answers[2];
  if (pipe2(questions, O_CLOEXEC) != 0) return notStarted(words[0]);
  const int file =
      pipe2(answers, O_CLOEXEC) == 0 ? open(log.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600) : -1;
  if (file < 0) {
    close(questions[0]), close(questions[1]);
    return notStarted(words[0]);
  }
  const pid_t parent = getpid(), child = fork();
  if (child == 0) become(arguments.data(), questions[0], answers[1], file, parent);
  if (child > 0) setpgid(child, child); // whichever of the two comes first
  for (int fd : {questions[0], answers[1], file}) close(fd);
  if (child < 0) {
    close(questions[1]), close(answers[0]);
    return notStarted(words[0]);
  }
  fcntl(answers[0], F_SETFL, O_NONBLOCK);
  return std::unique_ptr<Peer>(new Peer(child, questions[1], answers[0], log));
}

Peer::~Peer() { end(); }

Result<void> Peer::send(const Json &message) { return writeMessage(questions, message); }

void Peer::stop() { kill(-process, SIGSTOP); }

void Peer::proceed() { kill(-process, SIGCONT); }

std::string Peer::lastWords() const {
  Result<std::string> text = readFile(log);
  if (!text) return "";
  while (!text->empty() && text->back() == '\n') text->pop_back();
  const size_t begin = text->rfind('\n') + 1; // npos + 1 is 0
  return text->substr(begin, 300);
}

/// How long the system may take to end a killed process, whose GPU context it has to take apart.
static constexpr auto kLongestEnd = std::chrono::seconds(20);

std::string Peer::end() {
  if (process <= 0) return "";
  int status = 0;
  pid_t done = waitpid(process, &status, WNOHANG);
  if (done == 0) { // a pipe that broke can precede the end of its process by a moment
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    done = waitpid(process, &status, WNOHANG);
  }
  const bool byItself = done == process;
  kill(-process, SIGKILL);
  for (const auto start = Clock::now(); done == 0 && Clock::now() - start < kLongestEnd;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    done = waitpid(process, &status, WNOHANG);
  }
  close(questions), close(answers);
  process = 0;
  if (!byItself) return "";
  std::string out = WIFSIGNALED(status)
                        ? "signal " + std::to_string(WTERMSIG(status)) + " (" + strsignal(WTERMSIG(status)) + ")"
                        : "exit status " + std::to_string(WEXITSTATUS(status));
  const std::string words = lastWords();
  return words.empty() ? out : out + ": " + words;
}
