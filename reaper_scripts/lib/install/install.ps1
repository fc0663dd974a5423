# Runs programs for installer.lua, one after the other: ExecProcess waits for none, sets no variables and no folder.
#
#   powershell.exe -File install.ps1 TOKEN
#
# Does on Windows what install.sh, which explains the files, does elsewhere. Windows PowerShell 5.1, part of Windows 10 and 11.

param([string]$Token)

if ($Token -cnotmatch '^[0-9a-z]+$') { exit 2 }
$folder = $PSScriptRoot
Set-Location -LiteralPath $folder
[IO.Directory]::SetCurrentDirectory($folder)

function Get-File([string]$name) { return [IO.Path]::Combine($folder, $name) }
function Test-File([string]$name) { return [IO.File]::Exists((Get-File $name)) }
function Set-Mark([string]$name) { [IO.File]::Create((Get-File $name)).Close() }

$script:side = 0
Set-Mark "alive-$Token"
Set-Mark "beat-$Token-0"

function Send-Beat {
    $other = 1 - $script:side
    try {
        [IO.File]::Move((Get-File "beat-$Token-$($script:side)"), (Get-File "beat-$Token-$other"))
        $script:side = $other
    } catch { }
    Start-Sleep -Milliseconds 200
}

function Invoke-Step([string]$step) {
    $words = @()
    foreach ($line in [IO.File]::ReadAllLines((Get-File $step))) {
        if ($words.Count -eq 0 -and $line -cmatch '^([A-Z_0-9]+)=(.*)$') {
            [Environment]::SetEnvironmentVariable($Matches[1], $Matches[2])
        } else {
            $words += $line
        }
    }
    if ($words[0].StartsWith('.')) { $words[0] = [IO.Path]::GetFullPath((Get-File $words[0])) }
    $start = @{
        FilePath = $words[0]; NoNewWindow = $true; PassThru = $true
        RedirectStandardOutput = (Get-File "out-$Token"); RedirectStandardError = (Get-File "err-$Token")
    }
    if ($words.Count -gt 1) { $start.ArgumentList = $words[1..($words.Count - 1)] }
    try {
        $process = Start-Process @start
    } catch {
        return 127
    }
    $null = $process.Handle # without it the exit code is lost
    while (-not $process.HasExited) {
        if (Test-File "cancel-$Token") { & "$env:SystemRoot\System32\taskkill.exe" /T /F /PID $process.Id 2>&1 | Out-Null }
        Send-Beat
    }
    $process.WaitForExit()
    return $process.ExitCode
}

$number = 1
$idle = 0
try {
    while ($idle -lt 300 -and -not (Test-File "cancel-$Token") -and -not (Test-File "quit-$Token")) {
        if (-not (Test-File "step-$Token-$number")) {
            $idle++
            Send-Beat
            continue
        }
        $code = Invoke-Step "step-$Token-$number"
        Set-Mark "exit-$Token-$number-$code"
        $number++
        $idle = 0
    }
} finally {
    Remove-Item -Force -ErrorAction SilentlyContinue "alive-$Token", "beat-$Token-0", "beat-$Token-1"
}
