; The installer for Windows, for Inno Setup 6: build the bundle with `python start.py bundle`, then
;
;     iscc /DVersion=0.1.0 packaging\windows\runshelf.iss
;
; makes dist\runshelf-0.1.0-setup.exe. It installs for the user alone, without asking for an administrator, and can be
; told to install for all. Nothing of a workspace is ever touched; removing takes away what was installed and no more.

#ifndef Version
  #error Say which version: /DVersion=0.1.0
#endif

[Setup]
AppId={{6B0F5C1E-3F3B-4E57-9C5B-6E2B7C2A9D41}
AppName=Runshelf
AppVersion={#Version}
AppPublisher=The Runshelf authors
DefaultDirName={autopf}\Runshelf
DefaultGroupName=Runshelf
DisableProgramGroupPage=yes
LicenseFile=..\..\LICENSE
OutputDir=..\..\dist
OutputBaseFilename=runshelf-{#Version}-setup
SetupIconFile=..\..\build\made\runshelf.ico
UninstallDisplayIcon={app}\runshelf.exe
PrivilegesRequired=lowest
PrivilegesRequiredOverridesAllowed=dialog commandline
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
Compression=lzma2
SolidCompression=yes
WizardStyle=modern
; A window that is open is asked to close before its files are replaced.
CloseApplications=yes
; To sign, name a tool in Inno Setup and add: SignTool=name

[Tasks]
Name: desktopicon; Description: "Put an icon on the desktop"; Flags: unchecked
Name: path; Description: "Let consoles find runshelf-cli"; Flags: unchecked
Name: folders; Description: "Offer Runshelf in the menu of folders"

[Files]
Source: "..\..\dist\runshelf\*"; DestDir: "{app}"; Flags: recursesubdirs ignoreversion

[InstallDelete]
; Modules of an older version would be found beside the new ones.
Type: filesandordirs; Name: "{app}\_internal"

[Icons]
Name: "{autoprograms}\Runshelf"; Filename: "{app}\runshelf.exe"
Name: "{autodesktop}\Runshelf"; Filename: "{app}\runshelf.exe"; Tasks: desktopicon

[Registry]
Root: HKA; Subkey: "Software\Classes\Directory\shell\Runshelf"; ValueType: string; ValueData: "Open in Runshelf"; \
  Flags: uninsdeletekey; Tasks: folders
Root: HKA; Subkey: "Software\Classes\Directory\shell\Runshelf"; ValueType: string; ValueName: "Icon"; \
  ValueData: "{app}\runshelf.exe"; Tasks: folders
Root: HKA; Subkey: "Software\Classes\Directory\shell\Runshelf\command"; ValueType: string; \
  ValueData: """{app}\runshelf.exe"" ""%1"""; Tasks: folders
Root: HKCU; Subkey: "Environment"; ValueType: expandsz; ValueName: "Path"; ValueData: "{olddata};{app}"; \
  Check: LacksPath; Tasks: path

[Run]
Filename: "{app}\runshelf.exe"; Description: "Open Runshelf"; Flags: nowait postinstall skipifsilent

[Code]
function LacksPath: Boolean;
var
  Known: string;
begin
  if not RegQueryStringValue(HKEY_CURRENT_USER, 'Environment', 'Path', Known) then
    Known := '';
  Result := Pos(';' + Uppercase(ExpandConstant('{app}')) + ';', ';' + Uppercase(Known) + ';') = 0;
end;

procedure CurUninstallStepChanged(CurUninstallStep: TUninstallStep);
var
  Known, Own: string;
  Place: Integer;
begin
  if CurUninstallStep <> usPostUninstall then
    exit;
  Own := ';' + ExpandConstant('{app}');
  if RegQueryStringValue(HKEY_CURRENT_USER, 'Environment', 'Path', Known) then
  begin
    Place := Pos(Uppercase(Own), Uppercase(Known));
    if Place > 0 then
    begin
      Delete(Known, Place, Length(Own));
      RegWriteExpandStringValue(HKEY_CURRENT_USER, 'Environment', 'Path', Known);
    end;
  end;
end;
