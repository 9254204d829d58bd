// Options whose value is more than one number, word or text. For config_options.cc.
//
// Thread: any.
#pragma once

#include <span>
#include <string>

#include "server/core/config_options.h"

namespace server {

std::string AssignBind(std::span<const std::string> words, AssignMode mode, Settings* settings);
std::string ShowBind(const Settings& settings);

std::string AssignSave(std::span<const std::string> words, AssignMode mode, Settings* settings);
std::string ShowSave(const Settings& settings);

std::string AssignOutputLimits(std::span<const std::string> words, AssignMode mode,
                               Settings* settings);
std::string ShowOutputLimits(const Settings& settings);

std::string AssignClientMemory(std::span<const std::string> words, AssignMode mode,
                               Settings* settings);
std::string ShowClientMemory(const Settings& settings);
std::string AssignKeyspaceEvents(std::span<const std::string> words, AssignMode mode,
                                 Settings* settings);
std::string ShowKeyspaceEvents(const Settings& settings);

std::string AssignDaemonize(std::span<const std::string> words, AssignMode mode,
                            Settings* settings);
std::string ShowDaemonize(const Settings& settings);

std::string AssignVersion(std::span<const std::string> words, AssignMode mode, Settings* settings);
std::string ShowVersion(const Settings& settings);

std::string AssignPercentiles(std::span<const std::string> words, AssignMode mode,
                              Settings* settings);
std::string ShowPercentiles(const Settings& settings);

// Bytes, or the word auto.
std::string AssignMinFreeDisk(std::span<const std::string> words, AssignMode mode,
                              Settings* settings);
std::string ShowMinFreeDisk(const Settings& settings);
std::string AssignDiskBallast(std::span<const std::string> words, AssignMode mode,
                              Settings* settings);
std::string ShowDiskBallast(const Settings& settings);

// An absolute path, from the working directory of now.
std::string AssignDir(std::span<const std::string> words, AssignMode mode, Settings* settings);
std::string ShowDir(const Settings& settings);

}  // namespace server
