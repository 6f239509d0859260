use std::process::ExitCode;
pub async fn demo(_j: bool) -> Result<ExitCode, super::output::CliError> {
    Ok(ExitCode::SUCCESS)
}
